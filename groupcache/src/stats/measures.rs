use std::fmt::Display;
use std::time::Duration;

use peers::{Failure, Histogram, Member, Recent};

use super::counters::{EVENTS, Event};
use crate::report::{FailedStep, GetTimes, GroupFailure, KeyMask};
use crate::{ErrorKind, Key};

/// How long a group's work takes, how large its values are, and what failed last.
#[derive(Debug, Default)]
pub(crate) struct Measures {
    /// The times of gets, by the events that they ended with.
    gets: [Histogram; EVENTS],
    /// The times of getter calls.
    pub(crate) getter: Histogram,
    /// The lengths of values that were loaded here or came from peers.
    pub(crate) value_sizes: Histogram,
    /// What failed last.
    pub(crate) failures: Recent<GroupFailure>,
}

impl Measures {
    /// A get has ended with this event.
    pub(crate) fn record_get(&self, event: Event, time: Duration) {
        self.gets[event as usize].record_time(time);
    }

    /// How long gets took.
    pub(crate) fn get_times(&self) -> GetTimes {
        let times = |event: Event| self.gets[event as usize].distribution();
        GetTimes {
            main: times(Event::MainHit),
            hot: times(Event::HotHit),
            stale: times(Event::StaleHit),
            peer: times(Event::Fetched),
            origin: times(Event::Loaded),
            not_found: times(Event::NotFound),
            failed: times(Event::Failed),
        }
    }

    /// Something has failed.
    pub(crate) fn record_failure(
        &self,
        step: FailedStep,
        kind: ErrorKind,
        error: &dyn Display,
        key: Option<&Key>,
        peer: Option<&Member>,
        mask: &KeyMask,
    ) {
        let Failure { at, text, .. } = if mask.hides() && may_name_key(kind) {
            Failure::now(kind.as_str())
        } else {
            Failure::now(&error.to_string())
        };
        self.failures.push(GroupFailure {
            at,
            step,
            kind,
            text,
            key: key.map(|key| mask.show(key)),
            peer: peer.cloned(),
        });
    }
}

/// Whether the text of an error of this kind may be that of a user's function, here or on a peer: one of another
/// implementation may say anything.
fn may_name_key(kind: ErrorKind) -> bool {
    !matches!(kind, ErrorKind::Unsupported | ErrorKind::Abandoned)
}
