use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use parking_lot::Mutex;

use super::change_log::ChangeLog;
use super::cursors::{Cursors, Pull};
use super::hints::{Delivery, Hints};
use super::options::CoherenceOptions;
use super::recent_ids::RecentIds;
use super::scope::Scope;
use crate::{Changes, Error, LogPosition, Phase};

/// What one node knows of the changes to one group: those it made, those it has applied, those its
/// peers have yet to hear of, and how far it has read the logs of its peers.
///
/// Every method is a short look or change under a lock of its own, and none waits. The caller brings
/// the time.
#[derive(Debug)]
pub struct Coherence {
    options: CoherenceOptions,
    log: ChangeLog,
    /// The ids of changes that this node has applied in their last phase. The entries for them in
    /// other nodes' logs concern it no more.
    seen: Mutex<RecentIds>,
    cursors: Cursors,
    hints: Hints,
    /// The number of changes that this node has initiated.
    initiated: AtomicU64,
    hasher: RandomState,
}

impl Coherence {
    /// The state of a new group.
    pub fn new(options: CoherenceOptions) -> Self {
        Self {
            log: ChangeLog::new(options.change_log_bytes),
            seen: Mutex::default(),
            cursors: Cursors::default(),
            hints: Hints::new(options.max_hint_bytes),
            initiated: AtomicU64::new(0),
            hasher: RandomState::new(),
            options,
        }
    }

    /// The options.
    pub fn options(&self) -> &CoherenceOptions {
        &self.options
    }

    /// An id for a change that this node is about to send to its peers. Two ids are equal with a
    /// probability of 1 in 2^64.
    pub fn next_change(&self) -> u64 {
        let nth = self.initiated.fetch_add(1, Ordering::Relaxed);
        self.hasher.hash_one(nth).max(1)
    }

    /// This node has applied a change to `keys`. Those of them that it `owns` are logged, because its
    /// peers may hold mirrors of them.
    pub fn applied<K: AsRef<[u8]>>(&self, keys: &[K], phase: Phase, owns: impl Fn(&[u8]) -> bool) {
        let own = keys.iter().map(AsRef::as_ref).filter(|key| owns(key));
        // Collected first, so that no look at the ring is taken under the log's lock.
        let own: Vec<_> = own.map(|key| Some(Bytes::copy_from_slice(key))).collect();
        self.log.append(own, phase);
        self.mark_seen(phase);
    }

    /// This node has applied a change to all keys.
    pub fn applied_to_all(&self, phase: Phase) {
        self.log.append([None], phase);
        self.mark_seen(phase);
    }

    /// A change is over for this node with its last phase. It is not with its first: this node may
    /// get the old value once more from a peer that hears of the change later.
    fn mark_seen(&self, phase: Phase) {
        if let Phase::Last(id) = phase {
            self.seen.lock().insert(id);
        }
    }

    /// The end of this node's log, which goes with every reply to a peer.
    pub fn position(&self) -> LogPosition {
        self.log.position()
    }

    /// What has changed since a peer last read this node's log.
    pub fn changes_since(&self, known: LogPosition) -> Changes {
        self.log.since(known)
    }

    /// A reply of `peer` said that its log ends at `end`. If this is true, there is news, and the caller
    /// has claimed the [pull](Self::claimed_pull): until that has ended, nobody else can.
    ///
    /// `is_member` names the current members. The cursors of others are dropped now and then.
    #[must_use = "the log has to be pulled"]
    pub fn claim_pull_if_behind(
        &self,
        peer: &str,
        end: LogPosition,
        is_member: impl Fn(&str) -> bool,
        now: Instant,
    ) -> bool {
        self.cursors.claim_if_behind(peer, end, is_member, now)
    }

    /// If this is true, no reply of `peer` has come for `silence`, and the caller has claimed the
    /// [pull](Self::claimed_pull).
    #[must_use = "the log has to be pulled"]
    pub fn claim_pull_if_quiet(
        &self,
        peer: &str,
        silence: Duration,
        is_member: impl Fn(&str) -> bool,
        now: Instant,
    ) -> bool {
        self.cursors.claim_if_quiet(peer, silence, is_member, now)
    }

    /// The pull that this caller has claimed.
    pub fn claimed_pull<'a>(&'a self, peer: &'a str, now: Instant) -> Pull<'a> {
        self.cursors.claimed(peer, &self.seen, now)
    }

    /// A change has reached `peer`, and no delivery that begins from now on undoes it. A hint to forget all
    /// keys does: the peer then forgets the new value too.
    pub fn delivered<K: AsRef<[u8]>>(&self, peer: &str, scope: Scope<'_, K>) {
        self.hints.supersede(peer, scope);
    }

    /// A change did not reach `peer`, and is kept as a hint. The caller has to start a task that
    /// [delivers](Self::next_delivery) the hint after the returned pause; `None` if there is one already, or
    /// no hint.
    #[must_use = "the hint has to be delivered"]
    pub fn undelivered<K: AsRef<[u8]>>(
        &self,
        peer: &str,
        scope: Scope<'_, K>,
        error: &Error,
        now: Instant,
    ) -> Option<Duration> {
        // A peer that refuses a value as too large may hold an older one, which has to go.
        let is_refused_value = matches!(scope, Scope::Value(_)) && error.is_too_large();
        let is_over = is_final(error) && !is_refused_value;
        if is_over || self.options.hint_window.is_zero() {
            return None;
        }
        self.hints.add(peer, scope, now)
    }

    /// Begins a delivery of the hint for `peer`; `None` if there is none, in which case the delivering task
    /// has to end.
    pub fn next_delivery<'a>(&'a self, peer: &'a str) -> Option<Delivery<'a>> {
        self.hints.next(peer)
    }

    /// A delivery failed. Returns the pause before the next one; `None` if it is given up, because the peer
    /// will never understand it or its window has passed.
    pub fn delivery_failed(
        &self,
        delivery: Delivery<'_>,
        error: &Error,
        now: Instant,
    ) -> Option<Duration> {
        if is_final(error) {
            delivery.finish();
            return None;
        }
        delivery.fail(self.options.hint_window, now)
    }

    /// The number of keys that peers have yet to forget, over all peers. All keys of a peer count as one.
    pub fn pending_hints(&self) -> u64 {
        self.hints.count()
    }

    /// The same for each peer that has yet to forget something, by the peers' ids.
    pub fn pending_hints_by_peer(&self) -> Vec<(Box<str>, u64)> {
        self.hints.by_peer()
    }
}

/// Whether another attempt would fail as well, or has nothing to achieve: the peer's protocol cannot
/// say it, the peer lacks the group, or the message is larger than the peer takes. The peer cannot hold a
/// key that is too long for it; the other keys of that message get no hint either.
fn is_final(error: &Error) -> bool {
    error.is_unsupported() || error.is_no_such_group() || error.is_too_large()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: Scope<'static, &str> = Scope::Keys(&["a"]);

    fn unreachable() -> Error {
        Error::unreachable("http://p", "no route")
    }

    #[test]
    fn only_own_keys_are_logged() {
        let coherence = Coherence::new(CoherenceOptions::default());
        let id = coherence.next_change();
        coherence.applied(&["own", "other"], Phase::First(id), |key| key == b"own");
        let changes = coherence.changes_since(LogPosition::default());
        assert_eq!(changes.position, coherence.position());
        let logged: Vec<_> = changes.entries.iter().map(|change| &change.key).collect();
        assert_eq!(logged, [&Some(Bytes::from_static(b"own"))]);
    }

    #[test]
    fn a_change_that_was_applied_in_its_last_phase_is_not_pulled_again() {
        let (initiator, owner) = (
            Coherence::new(CoherenceOptions::default()),
            Coherence::new(CoherenceOptions::default()),
        );
        let mirror = Coherence::new(CoherenceOptions::default());
        let now = Instant::now();
        let id = initiator.next_change();
        owner.applied(&["k"], Phase::First(id), |_| true);

        // Between the phases the owner's log tells the mirror of the change.
        assert!(mirror.claim_pull_if_behind("owner", owner.position(), |_| true, now));
        let pull = mirror.claimed_pull("owner", now);
        let changes = owner.changes_since(pull.from());
        assert_eq!(pull.missed(&changes).keys, ["k"]);

        // A node that stands in for the owner gets both phases, and may fetch the old value in between.
        mirror.applied(&["k"], Phase::First(id), |_| false);
        assert_eq!(pull.missed(&changes).keys, ["k"]);

        mirror.applied(&["k"], Phase::Last(id), |_| false);
        assert_eq!(pull.missed(&changes).keys, [""; 0]);
    }

    #[test]
    fn a_clear_is_over_with_its_last_phase_too() {
        let (owner, mirror) = (
            Coherence::new(CoherenceOptions::default()),
            Coherence::new(CoherenceOptions::default()),
        );
        let now = Instant::now();
        let id = owner.next_change();
        owner.applied_to_all(Phase::First(id));
        assert!(mirror.claim_pull_if_behind("owner", owner.position(), |_| true, now));
        let pull = mirror.claimed_pull("owner", now);
        let changes = owner.changes_since(pull.from());
        mirror.applied_to_all(Phase::First(id));
        assert!(pull.missed(&changes).all);
        mirror.applied_to_all(Phase::Last(id));
        assert!(!pull.missed(&changes).all);
    }

    #[test]
    fn a_hint_is_kept_until_it_is_delivered_or_its_window_has_passed() {
        let window = Duration::from_secs(60);
        let coherence = Coherence::new(CoherenceOptions::default().hint_window(window));
        let now = Instant::now();
        let pause = coherence.undelivered("p", KEYS, &unreachable(), now);
        assert!(pause.is_some());
        assert_eq!(coherence.pending_hints(), 1);

        let fail = |now| {
            let delivery = coherence.next_delivery("p").unwrap();
            coherence.delivery_failed(delivery, &unreachable(), now)
        };
        assert!(fail(now + window / 2).is_some());
        assert_eq!(fail(now + window), None);
        assert!(coherence.next_delivery("p").is_none());
        assert_eq!(coherence.pending_hints(), 0);
    }

    #[test]
    fn nothing_is_kept_for_a_peer_that_will_never_understand_it() {
        let coherence = Coherence::new(CoherenceOptions::default());
        let now = Instant::now();
        for error in [
            Error::unsupported("remove keys", "golang"),
            Error::no_such_group("g"),
            Error::too_large("a key", 2, 1),
        ] {
            assert_eq!(coherence.undelivered("p", KEYS, &error, now), None);
        }
        let refused = Error::too_large("a value", 2, 1);
        let pause = coherence.undelivered("q", Scope::Value(&"a"), &refused, now);
        assert!(pause.is_some());
        coherence.delivered("q", KEYS);
        let off = Coherence::new(CoherenceOptions::default().hint_window(Duration::ZERO));
        assert_eq!(off.undelivered("p", KEYS, &unreachable(), now), None);
        assert_eq!(coherence.pending_hints() + off.pending_hints(), 0);
    }
}
