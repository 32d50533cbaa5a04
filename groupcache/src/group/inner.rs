use std::fmt;
use std::mem;
use std::sync::Arc;
use std::time::Duration;

use byteview::ByteView;
use peers::{Coherence, Peer, Router};

use super::absences::Absences;
use super::change::PassedOn;
use super::failures::Failures;
use super::flights::Flights;
use super::hedges::Hedges;
use super::limits::Limits;
use super::moments::Moments;
use super::node_runtime::NodeRuntime;
use super::places::Places;
use super::standby::Standby;
use super::turns::Turns;
use crate::clock::SharedClock;
use crate::getter::BoxedGetter;
use crate::lifetime::{Freshness, Lifetime};
use crate::promoter::Promoter;
use crate::rates::{Rate, Rates};
use crate::report::{FailedStep, KeyMask};
use crate::stats::{Counters, Measures};
use crate::store::{HitInfo, Storage, Tier};
use crate::trace::spans;
use crate::{Entry, Error, Key, Stats};

/// The state that all handles of a group share, and the helpers that its rooms share.
pub(crate) struct Inner {
    pub(crate) name: Arc<str>,
    pub(super) store: Storage,
    /// Flights of this node's own callers. A fetch may wait for a load, never the other way round.
    pub(super) fetches: Flights,
    /// Flights of getter calls, which callers here and peers share.
    pub(super) loads: Flights,
    /// Keys whose loads have failed, and are not tried again at once.
    pub(super) failures: Failures,
    /// Of getter calls.
    pub(super) turns: Turns,
    /// Keys whose loads have found no values.
    pub(super) absences: Absences,
    /// For refreshes in the background.
    pub(super) refreshes: Places,
    pub(super) getter: Box<dyn BoxedGetter>,
    pub(super) promoter: Box<dyn Promoter>,
    /// Rates of own keys as all nodes ask for them, and of other keys as callers here ask for them.
    pub(super) rates: Rates,
    pub(crate) router: Arc<Router>,
    pub(super) counters: Counters,
    pub(super) measures: Measures,
    pub(super) clock: SharedClock,
    pub(super) freshness: Freshness,
    /// Watches the values that stop being fresh at a moment of the wall clock.
    pub(super) moments: Moments,
    /// `None`: no other node holds this node's values on standby.
    pub(super) standby: Option<Standby>,
    /// `None`: an owner that is slow is waited for.
    pub(super) hedges: Option<Hedges>,
    pub(super) limits: Limits,
    /// The time limit of an exchange with a peer, if the node knows it.
    pub(super) request_timeout: Option<Duration>,
    /// What the node and its peers know of changes, to all groups.
    pub(super) coherence: Arc<Coherence>,
    pub(super) passed_on: PassedOn,
    /// Whether the peers' protocol carries the names of changes.
    pub(super) names_changes: bool,
    /// How keys are shown.
    pub(super) key_mask: KeyMask,
    /// Where loads run, so that they outlive the caller that started them.
    pub(super) runtime: NodeRuntime,
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Group")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl Inner {
    pub(super) fn check_keys(&self, keys: &[Key]) -> Result<(), Error> {
        keys.iter().try_for_each(|key| self.check_key(key))
    }

    pub(crate) fn check_key(&self, key: &[u8]) -> Result<(), Error> {
        let (size, limit) = (key.len(), self.limits.max_key_bytes);
        if size > limit {
            return Err(Error::key_too_large(size, limit));
        }
        Ok(())
    }

    pub(super) fn check_value(&self, what: &'static str, value: &[u8]) -> Result<(), Error> {
        let (size, limit) = (value.len(), self.limits.max_value_bytes);
        if size > limit {
            return Err(Error::value_too_large(what, size, limit));
        }
        Ok(())
    }

    /// Whether this node owns the key. Without members it owns every key.
    pub(super) fn owns(&self, key: &[u8]) -> bool {
        self.router.routes().owner(key).is_none_or(Peer::is_self)
    }

    /// Whether this node owns the key, or stands in for its owner.
    pub(super) fn answers_for(&self, key: &[u8]) -> bool {
        let routes = self.router.routes();
        routes.owner(key).is_none() || self.owners(&routes, key).any(Peer::is_self)
    }

    /// The longest time that a get of the key takes: an exchange with each owner, and a load.
    pub(super) fn longest_get(&self, key: &[u8]) -> Duration {
        self.longest_exchanges(if self.owns(key) { 0 } else { 1 })
    }

    /// The longest time of so many exchanges with each owner of a key, and a load.
    pub(super) fn longest_exchanges(&self, with_each: u32) -> Duration {
        let owners = self.limits.failovers.saturating_add(1);
        let owners = u32::try_from(owners).unwrap_or(u32::MAX);
        let exchange = self.request_timeout.unwrap_or_default();
        let exchanges = exchange.saturating_mul(owners.saturating_mul(with_each));
        self.limits.longest_load().saturating_add(exchanges)
    }

    /// Whether there are other nodes.
    pub(super) fn has_peers(&self) -> bool {
        self.router.routes().peers().len() > 1
    }

    /// The value from memory if it is fresh, and need not be refreshed yet. A flight looks for it when it takes off,
    /// because another flight may have landed between its caller's miss and its joining. (A misses, B misses, A's
    /// flight stores its value and ends, B starts the next flight.) Counts nothing.
    pub(super) fn landed(&self, key: &[u8]) -> Option<Entry> {
        let mut info = HitInfo::default();
        let value = self.store.view(key, &mut info)?;
        (!info.is_due).then(|| info.entry(value))
    }

    /// Keeps a value, unless the key has changed `since` the work that brings the value began. That is looked up under the
    /// lock that guards the entry: a change is heard of first, and then takes the entry out. So either the
    /// value is there before, and the change takes it out, or it is not stored.
    pub(super) fn store_since(
        &self,
        since: u64,
        key: &Key,
        value: ByteView,
        tier: Tier,
        lifetime: Lifetime,
    ) {
        // Of other nodes' values, only copies that were asked for have leases.
        if tier == Tier::Main && self.freshness.mirror_lease.is_some() && !self.answers_for(key) {
            return;
        }
        let unchanged = || self.is_unchanged(key, since);
        self.store
            .insert_if(key.clone(), value, tier, lifetime, unchanged);
        self.moments.note(lifetime);
        if tier == Tier::Main {
            self.note_for_standby(key, false);
        }
    }

    /// Has all copies on standby looked after.
    pub(crate) fn look_after_standby(&self) {
        if let Some(standby) = &self.standby {
            standby.fall_behind();
        }
    }

    /// Notes that this node has stored a value, or that one was set.
    pub(super) fn note_for_standby(&self, key: &Key, is_set: bool) {
        if let Some(standby) = &self.standby {
            standby.note(key, is_set);
        }
    }

    /// Whether the key has not changed `since` the [position](Coherence::position) at which some work began.
    pub(super) fn is_unchanged(&self, key: &[u8], since: u64) -> bool {
        !self.coherence.has_changed_since(&self.name, key, since)
    }

    /// Whether requests are counted: for peers, which get the rates with replies, or for the list of hot keys.
    pub(super) fn counts_requests(&self) -> bool {
        self.rates.lists_hot_keys() || self.has_peers()
    }

    /// What spans say of the group, and how they show its keys.
    pub(super) fn traced(&self) -> spans::Of<'_> {
        spans::Of {
            group: &self.name,
            key_mask: &self.key_mask,
        }
    }

    /// Notes what failed, for reports. Work on many keys may fail for each of them: only its first failure is noted,
    /// and `is_noted` says whether that was.
    pub(super) fn note_failure(
        &self,
        step: FailedStep,
        error: &Error,
        key: Option<&Key>,
        peer: Option<&Peer>,
        is_noted: &mut bool,
    ) {
        if mem::replace(is_noted, true) {
            return;
        }
        let (kind, peer) = (error.kind(), peer.map(Peer::member));
        self.measures
            .record_failure(step, kind, error, key, peer, &self.key_mask);
    }

    /// Counts a request for the key, or one that stands for several.
    pub(super) fn count_request(&self, key: &[u8], requests: f32) -> Rate {
        self.rates.count(key, requests, self.clock.now())
    }

    pub(super) fn stats(&self) -> Stats {
        let mut stats = self.counters.stats();
        self.store.add_to(&mut stats);
        stats
    }
}
