use std::time::{Duration, Instant};

use bytes::Bytes;
use parking_lot::Mutex;

use super::change_log::ChangeLog;
use super::cursors::{Cursors, Pull};
use super::hints::{Hint, Hints, Scope, pause_after};
use super::options::CoherenceOptions;
use super::recent_ids::RecentIds;
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
}

impl Coherence {
    /// The state of a new group.
    pub fn new(options: CoherenceOptions) -> Self {
        Self {
            log: ChangeLog::new(options.change_log_bytes),
            seen: Mutex::default(),
            cursors: Cursors::default(),
            hints: Hints::new(options.max_hint_bytes),
            options,
        }
    }

    /// The options.
    pub fn options(&self) -> &CoherenceOptions {
        &self.options
    }

    /// An id for a change that this node is about to send to its peers.
    pub fn next_change(&self) -> u64 {
        self.log.next_id()
    }

    /// This node has applied a change to `keys`. Those of them that it `owns` are logged, because its
    /// peers may hold mirrors of them.
    pub fn applied<K: AsRef<[u8]>>(&self, keys: &[K], phase: Phase, owns: impl Fn(&[u8]) -> bool) {
        let own = keys.iter().map(AsRef::as_ref).filter(|key| owns(key));
        self.log
            .append(own.map(|key| Some(Bytes::copy_from_slice(key))), phase);
        self.note(phase);
    }

    /// This node has applied a change to all keys.
    pub fn applied_to_all(&self, phase: Phase) {
        self.log.append([None], phase);
        self.note(phase);
    }

    /// A change is over for this node with its last phase. It is not with its first: this node may
    /// get the old value once more from a peer that hears of the change later.
    fn note(&self, phase: Phase) {
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

    /// A reply of `peer` said that its log ends at `end`. If this is true, the caller has to
    /// [pull](Self::pull) from the peer.
    ///
    /// `is_member` names the current members. The cursors of others are dropped now and then.
    #[must_use = "the log has to be pulled"]
    pub fn heard(
        &self,
        peer: &str,
        end: LogPosition,
        is_member: impl Fn(&str) -> bool,
        now: Instant,
    ) -> bool {
        self.cursors.heard(peer, end, is_member, now)
    }

    /// Whether no reply of `peer` has come for `silence`. If this is true, the caller has to
    /// [pull](Self::pull) from the peer.
    #[must_use = "the log has to be pulled"]
    pub fn is_quiet(
        &self,
        peer: &str,
        silence: Duration,
        is_member: impl Fn(&str) -> bool,
        now: Instant,
    ) -> bool {
        self.cursors.is_quiet(peer, silence, is_member, now)
    }

    /// Begins the pull that [`heard`](Self::heard) or [`is_quiet`](Self::is_quiet) has asked for.
    pub fn pull<'a>(&'a self, peer: &'a str, now: Instant) -> Pull<'a> {
        self.cursors.pull(peer, &self.seen, now)
    }

    /// A change has reached `peer`. An older hint about the same keys must not undo it.
    pub fn delivered<K: AsRef<[u8]>>(&self, peer: &str, scope: Scope<'_, K>) {
        self.hints.supersede(peer, scope);
    }

    /// A change did not reach `peer`. If this is true, the caller has to start the task that
    /// [delivers](Self::take_hint) the peer's hint, after a [pause](Self::first_pause).
    #[must_use = "the hint has to be delivered"]
    pub fn undelivered<K: AsRef<[u8]>>(
        &self,
        peer: &str,
        scope: Scope<'_, K>,
        error: &Error,
        now: Instant,
    ) -> bool {
        // A peer that refuses a value as too large may hold an older one, which has to go.
        let is_refused_value = matches!(scope, Scope::Value(_)) && error.is_too_large();
        let is_over = is_final(error) && !is_refused_value;
        !is_over && !self.options.hint_window.is_zero() && self.hints.add(peer, scope, now)
    }

    /// The pause before a new hint is delivered.
    pub fn first_pause(&self) -> Duration {
        pause_after(0)
    }

    /// The hint to deliver to `peer` now; `None` if there is none, in which case the delivering task
    /// has to end.
    pub fn take_hint(&self, peer: &str) -> Option<Hint> {
        self.hints.take(peer)
    }

    /// The delivery of a hint failed. Returns the pause before the next attempt, or `None` if the
    /// hint is given up: the peer will never understand it, or its window has passed.
    pub fn hint_failed(
        &self,
        peer: &str,
        hint: Hint,
        error: &Error,
        now: Instant,
    ) -> Option<Duration> {
        let is_over = is_final(error) || hint.age(now) >= self.options.hint_window;
        (!is_over).then(|| self.hints.put_back(peer, hint))
    }

    /// The number of keys that peers have yet to hear of, over all peers.
    pub fn pending_hints(&self) -> u64 {
        self.hints.count()
    }
}

/// Whether another attempt would fail as well, or has nothing to achieve: the peer's protocol cannot
/// say it, the peer lacks the group, or the message is larger than the peer takes.
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
        let logged: Vec<_> = changes.changes.iter().map(|change| &change.key).collect();
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
        assert!(mirror.heard("owner", owner.position(), |_| true, now));
        let changes = owner.changes_since(mirror.pull("owner", now).since());
        assert_eq!(mirror.pull("owner", now).missed(&changes).keys, ["k"]);

        mirror.applied(&["k"], Phase::Last(id), |_| false);
        assert_eq!(mirror.pull("owner", now).missed(&changes).keys, [""; 0]);
    }

    #[test]
    fn a_hint_is_kept_until_it_is_delivered_or_its_window_has_passed() {
        let window = Duration::from_secs(60);
        let coherence = Coherence::new(CoherenceOptions::default().hint_window(window));
        let now = Instant::now();
        assert!(coherence.undelivered("p", KEYS, &unreachable(), now));
        assert_eq!(coherence.pending_hints(), 1);

        let hint = coherence.take_hint("p").unwrap();
        let soon = now + window / 2;
        assert!(
            coherence
                .hint_failed("p", hint, &unreachable(), soon)
                .is_some()
        );
        let hint = coherence.take_hint("p").unwrap();
        assert_eq!(
            coherence.hint_failed("p", hint, &unreachable(), now + window),
            None
        );
        assert!(coherence.take_hint("p").is_none());
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
            assert!(!coherence.undelivered("p", KEYS, &error, now));
        }
        let refused = Error::too_large("a value", 2, 1);
        assert!(coherence.undelivered("q", Scope::Value(&"a"), &refused, now));
        coherence.delivered("q", KEYS);
        let off = Coherence::new(CoherenceOptions::default().hint_window(Duration::ZERO));
        assert!(!off.undelivered("p", KEYS, &unreachable(), now));
        assert_eq!(coherence.pending_hints() + off.pending_hints(), 0);
    }
}
