use std::time::{Duration, Instant};

use xxhash_rust::xxh3::xxh3_64;

/// How the entries of a group age. A store knows of each only when it drops it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Aging {
    /// How long before its end a value is refreshed at the earliest.
    pub(crate) refresh_ahead: Duration,
    /// How long a value is served past its freshness while it is refreshed.
    pub(crate) stale_window: Duration,
    /// How long a value is served past its freshness if no other can be had.
    pub(crate) error_window: Duration,
}

/// How old an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Age {
    Fresh,
    /// Fresh, and about to be refreshed.
    Due,
    Stale,
    /// Too old for all but a get that fails otherwise.
    LastResort,
}

impl Aging {
    /// How long entries are kept past their freshness.
    pub(crate) fn kept_window(&self) -> Duration {
        self.stale_window.max(self.error_window)
    }

    #[inline]
    pub(super) fn fresh_until(&self, expires: Instant) -> Instant {
        let fresh_until = expires.checked_sub(self.kept_window());
        fresh_until.unwrap_or(expires)
    }

    pub(super) fn age(&self, key: &[u8], fresh_until: Instant, now: Instant) -> Age {
        match fresh_until.checked_duration_since(now) {
            Some(left) if left.is_zero() => Age::Stale,
            Some(left) if left >= self.refresh_ahead => Age::Fresh,
            Some(left) if left >= self.refresh_ahead.mul_f64(fraction(key)) => Age::Fresh,
            Some(_) => Age::Due,
            None if now.duration_since(fresh_until) < self.stale_window => Age::Stale,
            None => Age::LastResort,
        }
    }
}

/// The part of the time for refreshes that is left when the key's value becomes due: from a quarter, which is for the load, to
/// just below all of it. It is the same on all nodes. So values that were loaded together are refreshed one after the other, and a
/// mirror asks for the new value when its owner is about to have it.
fn fraction(key: &[u8]) -> f64 {
    let random = (xxh3_64(key) >> 11) as f64 / (1_u64 << 53) as f64;
    0.25 + 0.75 * random
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_value_ages_from_fresh_to_due_to_stale_to_the_last_resort() {
        let aging = Aging {
            refresh_ahead: 10 * SECOND,
            stale_window: 5 * SECOND,
            error_window: 60 * SECOND,
        };
        assert_eq!(aging.kept_window(), 60 * SECOND);
        let (now, key) = (Instant::now(), b"k");
        let due = 10.0 * fraction(key);
        let age = |seconds: f64| {
            let left = Duration::from_secs_f64(seconds.abs());
            let until = if seconds < 0.0 {
                now - left
            } else {
                now + left
            };
            aging.age(key, until, now)
        };
        assert_eq!(age(11.0), Age::Fresh);
        assert_eq!(age(due + 0.001), Age::Fresh);
        assert_eq!(age(due - 0.001), Age::Due);
        assert_eq!(age(0.0), Age::Stale);
        assert_eq!(age(-4.9), Age::Stale);
        assert_eq!(age(-5.0), Age::LastResort);
    }

    #[test]
    fn without_windows_a_value_is_fresh_or_gone() {
        let (aging, now) = (Aging::default(), Instant::now());
        assert_eq!(aging.age(b"k", now + SECOND / 1000, now), Age::Fresh);
        assert_eq!(aging.age(b"k", now - SECOND, now), Age::LastResort);
    }

    #[test]
    fn keys_become_due_one_after_the_other() {
        let aging = Aging {
            refresh_ahead: 10 * SECOND,
            ..Aging::default()
        };
        let now = Instant::now();
        let due_with = |left: Duration| {
            let keys = (0..10_000_u32).map(u32::to_le_bytes);
            let due = keys.filter(|key| aging.age(key, now + left, now) == Age::Due);
            due.count()
        };
        for (tenths, expected) in [(100, 0), (85, 2_000), (55, 6_000), (25, 10_000)] {
            let due = due_with(tenths * SECOND / 10);
            assert!(
                due.abs_diff(expected) < 300,
                "{due} with {tenths} tenths left"
            );
        }
    }
}
