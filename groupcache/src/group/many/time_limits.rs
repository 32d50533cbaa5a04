use std::task::{Context, Poll};
use std::time::Duration;

use peers::BoxFuture;

use crate::group::inner::Inner;
use crate::group::node_runtime::WAIT_FOR_RUNTIME;
use crate::{Error, Key};

/// The most exchanges with one owner between two outcomes: one that leaves some keys for later, one that answers
/// none of these, and one with a key alone.
const EXCHANGES_WITH_OWNER: u32 = 3;

/// How long the caller of a get of several keys waits.
pub(super) struct TimeLimits {
    /// The caller's own limit for all keys.
    limit: Option<Duration>,
    /// Runs from the first wait on.
    timer: Option<BoxFuture<'static, ()>>,
    /// How many exchanges with each owner the keys under way may take, if the caller is a foreign one.
    exchanges: u32,
    /// How long a foreign caller waits for one more outcome: the node's runtime may not be driven.
    patience: Option<(Duration, BoxFuture<'static, ()>)>,
}

impl TimeLimits {
    pub(super) fn new(limit: Option<Duration>) -> Self {
        Self {
            limit,
            timer: None,
            exchanges: 0,
            patience: None,
        }
    }

    /// Work on these keys begins.
    pub(super) fn begin<'a>(&mut self, inner: &Inner, mut keys: impl Iterator<Item = &'a Key>) {
        let asks_others = !inner.runtime.is_current() && keys.any(|key| !inner.owns(key));
        self.exchanges = if asks_others { EXCHANGES_WITH_OWNER } else { 0 };
    }

    /// An outcome has come.
    pub(super) fn progress(&mut self) {
        self.patience = None;
    }

    /// Ends when one of the limits has passed.
    pub(super) fn poll_over(&mut self, inner: &Inner, context: &mut Context<'_>) -> Poll<Error> {
        let runtime = &inner.runtime;
        if let Some(limit) = self.limit {
            let timer = self.timer.get_or_insert_with(|| runtime.timer(limit));
            if timer.as_mut().poll(context).is_ready() {
                return Poll::Ready(Error::timed_out("a get", limit));
            }
        }
        if !runtime.is_current() {
            let longest = inner.longest_exchanges(self.exchanges);
            let patience = || (longest, runtime.timer(longest));
            let (longest, timer) = self.patience.get_or_insert_with(patience);
            if timer.as_mut().poll(context).is_ready() {
                return Poll::Ready(Error::timed_out(WAIT_FOR_RUNTIME, *longest));
            }
        }
        Poll::Pending
    }
}
