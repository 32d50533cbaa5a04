use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::lifetime::Lifetime;

/// The most keys that are remembered.
const CAPACITY: usize = 4096;

/// Keys whose values had less time left than values are refreshed ahead, when they were stored: their getter gives them no
/// more, or they are copies of what another node is about to refresh. They are refreshed after half of that time, not at once and
/// again and again.
///
/// Keys are told apart by their hashes alone: two keys with the same 64 bits would be refreshed later than they could be.
#[derive(Debug)]
pub(super) struct ShortLived {
    /// Zero: nothing is refreshed ahead.
    refresh_ahead: Duration,
    /// When the values may be refreshed.
    by_hash: Mutex<HashMap<u64, Instant>>,
    hasher: RandomState,
}

impl ShortLived {
    pub(super) fn new(refresh_ahead: Duration) -> Self {
        Self {
            refresh_ahead,
            by_hash: Mutex::default(),
            hasher: RandomState::new(),
        }
    }

    /// Notes a value that was stored.
    pub(super) fn note(&self, key: &[u8], lifetime: Lifetime, now: impl FnOnce() -> Instant) {
        let Some(fresh_until) = lifetime.fresh_until else {
            return;
        };
        if self.refresh_ahead.is_zero() {
            return;
        }
        let now = now();
        let left = fresh_until.saturating_duration_since(now);
        if left >= self.refresh_ahead {
            return;
        }
        let mut by_hash = self.by_hash.lock();
        if by_hash.len() >= CAPACITY {
            by_hash.retain(|_, at| now < *at);
        }
        if by_hash.len() < CAPACITY {
            by_hash.insert(self.hasher.hash_one(key), now + left / 2);
        }
    }

    /// Whether the key's value is not to be refreshed yet. If that is not known, because there are too many such keys, it is not.
    pub(super) fn postpones(&self, key: &[u8], now: impl FnOnce() -> Instant) -> bool {
        let by_hash = self.by_hash.lock();
        match by_hash.get(&self.hasher.hash_one(key)) {
            Some(at) => now() < *at,
            None => by_hash.len() >= CAPACITY,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn living(life: Duration, now: Instant) -> Lifetime {
        Lifetime {
            fresh_until: Some(now + life),
            kept_until: None,
            is_of_moment: false,
        }
    }

    #[test]
    fn a_short_lived_value_is_refreshed_after_half_of_its_life() {
        let (keys, now) = (ShortLived::new(10 * SECOND), Instant::now());
        keys.note(b"short", living(4 * SECOND, now), || now);
        keys.note(b"long", living(10 * SECOND, now), || now);
        assert!(keys.postpones(b"short", || now + SECOND));
        assert!(!keys.postpones(b"short", || now + 2 * SECOND));
        assert!(!keys.postpones(b"long", || now));
    }

    #[test]
    fn of_too_many_keys_none_is_refreshed_again_and_again() {
        let (keys, now) = (ShortLived::new(10 * SECOND), Instant::now());
        for key in 0..=CAPACITY as u32 {
            keys.note(&key.to_le_bytes(), living(SECOND, now), || now);
        }
        assert_eq!(keys.by_hash.lock().len(), CAPACITY);
        assert!(keys.postpones(&(CAPACITY as u32).to_le_bytes(), || now));
        let later = now + SECOND;
        keys.note(b"new", living(SECOND, later), || later);
        assert_eq!(keys.by_hash.lock().len(), 1);
    }
}
