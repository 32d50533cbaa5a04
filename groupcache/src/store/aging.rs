use std::time::{Duration, Instant};

use xxhash_rust::xxh3::xxh3_64;

/// How the entries of a group age. An entry itself says only when the store drops it, and whether it is refreshed ahead.
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

    /// How much longer a value may be served: as a fresh one, or as an old one if it is not fresh any more.
    pub(crate) fn left(&self, fresh_until: Instant, now: Instant) -> Duration {
        match fresh_until.checked_duration_since(now) {
            Some(left) if !left.is_zero() => left,
            _ => self
                .kept_window()
                .saturating_sub(now.saturating_duration_since(fresh_until)),
        }
    }

    #[inline]
    pub(super) fn fresh_until(&self, expires: Instant) -> Instant {
        let fresh_until = expires.checked_sub(self.kept_window());
        fresh_until.unwrap_or(expires)
    }

    /// Whether a value that was loaded with such a life is refreshed ahead. One that is short-lived is not: its refreshes
    /// would follow each other at once.
    pub(crate) fn refreshes_ahead(&self, life: Duration) -> bool {
        !self.refresh_ahead.is_zero() && life / 2 >= self.refresh_ahead
    }

    /// The same for a copy with so much left. A mirror is due when at most half of the time is left. If its owner has no newer
    /// value by then, the copy is fetched again at its end.
    pub(crate) fn refreshes_copy_ahead(&self, left: Duration) -> bool {
        !self.refresh_ahead.is_zero() && left >= self.refresh_ahead
    }

    pub(super) fn age(&self, entry: Aged<'_>, now: Instant) -> Age {
        let fresh_until = entry.fresh_until;
        if now >= fresh_until {
            return match now.duration_since(fresh_until) < self.stale_window {
                true => Age::Stale,
                false => Age::LastResort,
            };
        }
        let left = fresh_until.duration_since(now);
        // The key is hashed only for a value that may be due.
        match entry.is_refreshed_ahead && left < self.refresh_ahead && left < self.due(&entry) {
            true => Age::Due,
            false => Age::Fresh,
        }
    }

    /// How long before its end a value is due. A mirror is so when its owner is about to have the new value.
    fn due(&self, entry: &Aged<'_>) -> Duration {
        let of_owner = self.refresh_ahead.mul_f64(fraction(entry.key));
        if entry.is_mirror {
            of_owner / 2
        } else {
            of_owner
        }
    }
}

/// What the age of an entry depends on.
#[derive(Clone, Copy)]
pub(super) struct Aged<'a> {
    pub(super) key: &'a [u8],
    pub(super) fresh_until: Instant,
    pub(super) is_refreshed_ahead: bool,
    pub(super) is_mirror: bool,
}

/// The part of the time for refreshes that is left when the key's value becomes due: from a quarter, which is for the load, to
/// just below all of it. It is the same on all nodes. So values that were loaded together are refreshed one after the other.
fn fraction(key: &[u8]) -> f64 {
    let random = (xxh3_64(key) >> 11) as f64 / (1_u64 << 53) as f64;
    0.25 + 0.75 * random
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// An own value that is refreshed ahead.
    fn own(key: &[u8], fresh_until: Instant) -> Aged<'_> {
        Aged {
            key,
            fresh_until,
            is_refreshed_ahead: true,
            is_mirror: false,
        }
    }

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
        let at = |seconds: f64| {
            let left = Duration::from_secs_f64(seconds.abs());
            let fresh_until = if seconds < 0.0 {
                now - left
            } else {
                now + left
            };
            own(key, fresh_until)
        };
        let age = |seconds| aging.age(at(seconds), now);
        assert_eq!(age(11.0), Age::Fresh);
        assert_eq!(age(due + 0.001), Age::Fresh);
        assert_eq!(age(due - 0.001), Age::Due);
        let short_lived = Aged {
            is_refreshed_ahead: false,
            ..at(1.0)
        };
        assert_eq!(aging.age(short_lived, now), Age::Fresh);
        let mirror = |seconds| Aged {
            is_mirror: true,
            ..at(seconds)
        };
        assert_eq!(aging.age(mirror(due - 0.001), now), Age::Fresh);
        assert_eq!(aging.age(mirror(due / 2.0 - 0.001), now), Age::Due);
        assert_eq!(age(0.0), Age::Stale);
        assert_eq!(age(-4.9), Age::Stale);
        assert_eq!(age(-5.0), Age::LastResort);
    }

    #[test]
    fn a_value_may_be_served_to_the_end_of_its_freshness_and_then_to_that_of_its_window() {
        let aging = Aging {
            stale_window: 5 * SECOND,
            ..Aging::default()
        };
        let now = Instant::now();
        assert_eq!(aging.left(now + SECOND, now), SECOND);
        assert_eq!(aging.left(now, now), 5 * SECOND);
        assert_eq!(aging.left(now - SECOND, now), 4 * SECOND);
        assert_eq!(aging.left(now - 6 * SECOND, now), Duration::ZERO);
    }

    #[test]
    fn without_windows_a_value_is_fresh_or_gone() {
        let (aging, now) = (Aging::default(), Instant::now());
        let age = |fresh_until| aging.age(own(b"k", fresh_until), now);
        assert_eq!(age(now + SECOND / 1000), Age::Fresh);
        assert_eq!(age(now), Age::LastResort);
        assert!(!aging.refreshes_ahead(SECOND));
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
            let is_due = |key: &[u8; 4]| aging.age(own(key, now + left), now) == Age::Due;
            keys.filter(is_due).count()
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
