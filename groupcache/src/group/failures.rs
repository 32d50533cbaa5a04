use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::Error;

/// The most keys with a pause. Further keys are loaded without one.
const CAPACITY: usize = 4096;

/// The pauses after failed loads, key by key, so that not every get asks a database that fails.
///
/// A key's pause doubles with every failure in a row, up to a limit, and ends with the first success.
/// Keys are told apart by their hashes alone: two keys with the same 64 bits would share a pause.
#[derive(Debug)]
pub(super) struct Failures {
    pauses: Pauses,
    /// The number of keys in the table. It is zero most of the time, and then no get takes the lock.
    count: AtomicUsize,
    by_hash: Mutex<HashMap<u64, Failure>>,
    hasher: RandomState,
}

/// The first pause, and the longest one. Zero: no pauses.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pauses {
    pub(super) first: Duration,
    pub(super) longest: Duration,
}

impl Default for Pauses {
    fn default() -> Self {
        Self {
            first: Duration::from_millis(100),
            longest: Duration::from_secs(5),
        }
    }
}

#[derive(Debug)]
struct Failure {
    /// Failures in a row.
    in_a_row: u32,
    /// The error of the last failure, which callers get during the pause.
    error: Error,
    paused_until: Instant,
}

impl Failures {
    pub(super) fn new(pauses: Pauses) -> Self {
        Self {
            pauses,
            count: AtomicUsize::new(0),
            by_hash: Mutex::default(),
            hasher: RandomState::new(),
        }
    }

    /// The error with which a load ends at once, because the key's last loads have failed.
    ///
    /// The first failure does not pause loads: the next caller tries again.
    pub(super) fn pause_of_load(&self, key: &[u8], now: impl FnOnce() -> Instant) -> Option<Error> {
        self.paused(key, 2, now)
    }

    /// Whether the refresh of a stale value has to wait. It does so after the first failure, because
    /// no caller waits for it.
    pub(super) fn pauses_refresh(&self, key: &[u8], now: impl FnOnce() -> Instant) -> bool {
        self.paused(key, 1, now).is_some()
    }

    fn paused(&self, key: &[u8], in_a_row: u32, now: impl FnOnce() -> Instant) -> Option<Error> {
        if self.count.load(Ordering::Relaxed) == 0 {
            return None;
        }
        let by_hash = self.by_hash.lock();
        let failure = by_hash.get(&self.hasher.hash_one(key))?;
        let is_paused = failure.in_a_row >= in_a_row && now() < failure.paused_until;
        is_paused.then(|| failure.error.clone())
    }

    /// Notes a failure. "Not found" is an answer, and being overloaded is not the key's fault.
    pub(super) fn record(&self, key: &[u8], error: &Error, now: Instant) {
        if self.pauses.first.is_zero() || error.is_not_found() || error.is_overloaded() {
            return;
        }
        let hash = self.hasher.hash_one(key);
        let mut by_hash = self.by_hash.lock();
        if by_hash.len() >= CAPACITY && !by_hash.contains_key(&hash) {
            // A key that has not been asked for since its pause ended starts anew.
            let forgotten = self.pauses.longest;
            by_hash.retain(|_, failure| {
                now.saturating_duration_since(failure.paused_until) < forgotten
            });
        }
        if by_hash.len() < CAPACITY || by_hash.contains_key(&hash) {
            let before = by_hash.get(&hash).map_or(0, |failure| failure.in_a_row);
            let pause = self.pauses.after(before);
            let failure = Failure {
                in_a_row: before.saturating_add(1),
                error: error.clone(),
                paused_until: now.checked_add(pause).unwrap_or(now),
            };
            by_hash.insert(hash, failure);
        }
        self.count.store(by_hash.len(), Ordering::Relaxed);
    }

    /// The number of keys that are remembered.
    pub(super) fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// Ends a key's pause.
    pub(super) fn clear(&self, key: &[u8]) {
        if self.count.load(Ordering::Relaxed) > 0 {
            let mut by_hash = self.by_hash.lock();
            by_hash.remove(&self.hasher.hash_one(key));
            self.count.store(by_hash.len(), Ordering::Relaxed);
        }
    }

    /// Ends all pauses.
    pub(super) fn clear_all(&self) {
        let mut by_hash = self.by_hash.lock();
        by_hash.clear();
        self.count.store(0, Ordering::Relaxed);
    }
}

impl Pauses {
    /// The pause after a failure that follows `failures` others.
    fn after(self, failures: u32) -> Duration {
        self.longest
            .min(self.first.saturating_mul(1 << failures.min(30)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::NotFound;

    fn failure(text: &str) -> Error {
        Error::from_getter(text.into())
    }

    fn failures() -> (Failures, Instant) {
        (Failures::new(Pauses::default()), Instant::now())
    }

    #[test]
    fn the_first_failure_pauses_refreshes_and_the_second_one_loads_too() {
        let (failures, now) = failures();
        failures.record(b"k", &failure("first"), now);
        assert!(failures.pauses_refresh(b"k", || now));
        assert!(failures.pause_of_load(b"k", || now).is_none());
        assert!(!failures.pauses_refresh(b"other", || now));

        failures.record(b"k", &failure("second"), now);
        let error = failures.pause_of_load(b"k", || now).unwrap();
        assert_eq!(error.getter_message(), Some("second"));
    }

    #[test]
    fn pauses_double_up_to_the_longest_and_end_with_a_success() {
        let (failures, mut now) = failures();
        for millis in [100, 200, 400, 800, 1600, 3200, 5000, 5000] {
            failures.record(b"k", &failure("no"), now);
            let pause = Duration::from_millis(millis);
            let last = now + pause - Duration::from_millis(1);
            assert!(failures.pauses_refresh(b"k", || last), "{millis}");
            now += pause;
            assert!(!failures.pauses_refresh(b"k", || now), "{millis}");
        }
        failures.record(b"k", &failure("no"), now);
        failures.clear(b"k");
        assert!(!failures.pauses_refresh(b"k", || now));
        assert_eq!(failures.count.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn answers_and_overload_are_no_failures_and_zero_turns_pauses_off() {
        let (failures, now) = failures();
        failures.record(b"k", &Error::from_getter(NotFound.into()), now);
        failures.record(b"k", &Error::overloaded("flights"), now);
        assert!(!failures.pauses_refresh(b"k", || now));
        let off = Failures::new(Pauses {
            first: Duration::ZERO,
            ..Pauses::default()
        });
        off.record(b"k", &failure("no"), now);
        assert!(!off.pauses_refresh(b"k", || now));
    }

    #[test]
    fn the_table_is_bounded_and_makes_room_for_new_failures() {
        let (failures, now) = failures();
        for n in 0..2 * CAPACITY as u32 {
            failures.record(&n.to_le_bytes(), &failure("no"), now);
        }
        assert_eq!(failures.by_hash.lock().len(), CAPACITY);
        let later = now + Duration::from_secs(60);
        failures.record(b"new", &failure("no"), later);
        assert!(failures.pauses_refresh(b"new", || later));
        assert_eq!(failures.by_hash.lock().len(), 1);
    }
}
