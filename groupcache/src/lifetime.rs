use std::time::{Duration, Instant, SystemTime};

use crate::splitmix64::SplitMix64;
use crate::value::Expiry;

/// For how long a value may be served: as fresh until one instant, as stale until a later one.
/// `None` stands for no end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lifetime {
    pub(crate) fresh_until: Option<Instant>,
    pub(crate) kept_until: Option<Instant>,
}

impl Lifetime {
    /// Whether there is any use in storing the value.
    pub(crate) fn is_kept(&self, now: Instant) -> bool {
        self.kept_until.is_none_or(|instant| now < instant)
    }
}

/// How long a group's values stay fresh, and how long they are served after that.
#[derive(Debug, Default)]
pub(crate) struct Freshness {
    /// The time to live of values without one of their own. `None`: no end.
    pub(crate) ttl: Option<Duration>,
    /// The most that chance takes off the [`ttl`](Self::ttl).
    pub(crate) ttl_jitter: Duration,
    /// The time to live of copies that came from another node's memory; `None`: the owner's.
    pub(crate) peek_ttl: Option<Duration>,
    /// How long a value is served past its freshness while it is refreshed.
    pub(crate) stale_window: Duration,
    pub(crate) random: SplitMix64,
}

/// How a value came from a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Via {
    /// By a get that may load.
    Fetch,
    /// By a peek, from the peer's memory only.
    Peek,
}

impl Freshness {
    /// The lifetime of a value that the getter has just returned.
    pub(crate) fn of_load(&self, expiry: Expiry, now: Instant) -> Lifetime {
        let after = match expiry {
            Expiry::OfGroup => self.jittered_ttl(),
            Expiry::In(after) => Some(after),
            Expiry::At(moment) => Some(until(moment)),
            Expiry::Never => None,
        };
        self.lifetime(after, now)
    }

    /// The lifetime of a value that has just come from a peer: as its owner says, and never longer
    /// than the group's own times to live, for protocols in which the owner cannot say.
    pub(crate) fn of_reply(
        &self,
        expires_at: Option<SystemTime>,
        via: Via,
        now: Instant,
    ) -> Lifetime {
        let peek_ttl = self.peek_ttl.filter(|_| via == Via::Peek);
        let limits = [expires_at.map(until), self.jittered_ttl(), peek_ttl];
        self.lifetime(limits.into_iter().flatten().min(), now)
    }

    fn jittered_ttl(&self) -> Option<Duration> {
        let ttl = self.ttl?;
        if self.ttl_jitter.is_zero() {
            return Some(ttl);
        }
        Some(ttl.saturating_sub(self.ttl_jitter.mul_f64(self.random.next_fraction())))
    }

    fn lifetime(&self, after: Option<Duration>, now: Instant) -> Lifetime {
        // A time too far away for an Instant is as good as never.
        let fresh_until = after.and_then(|after| now.checked_add(after));
        let kept_until = match after {
            // What is born stale is not kept at all.
            Some(Duration::ZERO) => fresh_until,
            _ => fresh_until.and_then(|instant| instant.checked_add(self.stale_window)),
        };
        Lifetime {
            fresh_until,
            kept_until,
        }
    }
}

impl Expiry {
    /// The moment in wall-clock time, as the key's owner is told it; `None` leaves it to its group.
    pub(crate) fn moment(self, now: Instant) -> Option<SystemTime> {
        match self {
            Self::OfGroup => None,
            // No protocol has a word for it, but all that carry an expiry know the year 2262.
            Self::Never => SystemTime::UNIX_EPOCH.checked_add(LAST_MOMENT),
            Self::At(moment) => Some(moment),
            Self::In(after) => match now.checked_add(after) {
                Some(instant) => Some(wall_clock(instant, now)),
                None => Self::Never.moment(now),
            },
        }
    }
}

/// The last moment that is told to others, after 1970: the protocols count nanoseconds.
const LAST_MOMENT: Duration = Duration::from_nanos(i64::MAX as u64);

/// How long it is until `moment`; zero if it is past.
fn until(moment: SystemTime) -> Duration {
    moment.duration_since(SystemTime::now()).unwrap_or_default()
}

/// `instant`, which is on this process's clock, in wall-clock time as peers understand it.
pub(crate) fn wall_clock(instant: Instant, now: Instant) -> SystemTime {
    let wall = SystemTime::now();
    match instant.checked_duration_since(now) {
        Some(ahead) => wall.checked_add(ahead).unwrap_or(wall),
        None => wall
            .checked_sub(now.duration_since(instant))
            .unwrap_or(SystemTime::UNIX_EPOCH),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn freshness(ttl: Option<Duration>) -> Freshness {
        Freshness {
            ttl,
            stale_window: Duration::from_secs(5),
            ..Freshness::default()
        }
    }

    #[test]
    fn a_values_own_word_goes_before_the_groups() {
        let now = Instant::now();
        let fresh = |expiry| freshness(Some(MINUTE)).of_load(expiry, now).fresh_until;
        assert_eq!(fresh(Expiry::OfGroup), Some(now + MINUTE));
        assert_eq!(fresh(Expiry::In(MINUTE * 2)), Some(now + MINUTE * 2));
        assert_eq!(fresh(Expiry::Never), None);
        assert_eq!(fresh(Expiry::In(Duration::MAX)), None);
    }

    #[test]
    fn a_reply_lives_no_longer_than_the_group_allows() {
        let now = Instant::now();
        let soon = SystemTime::now() + MINUTE;
        let late = SystemTime::now() + MINUTE * 10;
        let fresh = |ttl, expires_at| {
            freshness(ttl)
                .of_reply(expires_at, Via::Fetch, now)
                .fresh_until
        };
        assert_eq!(fresh(None, None), None);
        assert_eq!(fresh(Some(MINUTE), None), Some(now + MINUTE));
        assert_eq!(fresh(Some(MINUTE), Some(late)), Some(now + MINUTE));
        assert!(fresh(Some(MINUTE * 10), Some(soon)).unwrap() <= now + MINUTE);
        assert_eq!(fresh(None, Some(SystemTime::UNIX_EPOCH)), Some(now));
    }

    #[test]
    fn a_peeked_copy_has_a_limit_of_its_own() {
        let now = Instant::now();
        let freshness = Freshness {
            peek_ttl: Some(MINUTE),
            ..freshness(Some(MINUTE * 10))
        };
        let fresh = |via| freshness.of_reply(None, via, now).fresh_until;
        assert_eq!(fresh(Via::Fetch), Some(now + MINUTE * 10));
        assert_eq!(fresh(Via::Peek), Some(now + MINUTE));
    }

    #[test]
    fn jitter_spreads_the_times_to_live_and_never_lengthens_them() {
        let now = Instant::now();
        let jitter = Duration::from_secs(10);
        let freshness = Freshness {
            ttl_jitter: jitter,
            ..freshness(Some(MINUTE))
        };
        let lives: Vec<_> = (0..1000)
            .map(|_| freshness.of_load(Expiry::OfGroup, now).fresh_until.unwrap() - now)
            .collect();
        assert!(
            lives
                .iter()
                .all(|life| *life <= MINUTE && *life > MINUTE - jitter)
        );
        let early = lives
            .iter()
            .filter(|life| **life < MINUTE - jitter / 2)
            .count();
        assert!((400..600).contains(&early), "{early}");
        let own = freshness.of_load(Expiry::In(MINUTE), now).fresh_until;
        assert_eq!(own, Some(now + MINUTE), "a value's own word is exact");
    }

    #[test]
    fn the_stale_window_follows_the_fresh_one_unless_the_value_was_never_fresh() {
        let now = Instant::now();
        let kept = |after| freshness(None).of_load(Expiry::In(after), now).kept_until;
        assert_eq!(kept(MINUTE), Some(now + MINUTE + Duration::from_secs(5)));
        assert_eq!(kept(Duration::ZERO), Some(now));
    }

    #[test]
    fn an_instant_translates_to_the_wall_clock_and_back() {
        let now = Instant::now();
        let there = wall_clock(now + MINUTE, now);
        let left = until(there);
        assert!(
            left <= MINUTE && left > MINUTE - Duration::from_secs(10),
            "{left:?}"
        );
    }
}
