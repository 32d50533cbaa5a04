use std::time::{Duration, Instant, SystemTime};

use peers::{Reply, WallClock};

use crate::splitmix64::SplitMix64;
use crate::store::Aging;
use crate::value::Expiry;

/// For how long a value may be served: as fresh until one instant, as stale until a later one.
/// `None` stands for no end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lifetime {
    pub(crate) fresh_until: Option<Instant>,
    pub(crate) kept_until: Option<Instant>,
    /// Whether it lives long enough to be refreshed ahead.
    pub(crate) is_refreshed_ahead: bool,
    /// Whether `fresh_until` was made from a moment of the wall clock.
    pub(crate) is_of_moment: bool,
}

impl Lifetime {
    /// Whether there is any use in storing the value.
    pub(crate) fn is_kept(&self, now: Instant) -> bool {
        self.kept_until.is_none_or(|instant| now < instant)
    }
}

/// By default, chance takes up to one of so many parts off a time to live.
const DEFAULT_JITTER: u32 = 10;

/// How long a group's values stay fresh, and how long they are served after that.
#[derive(Debug, Default)]
pub(crate) struct Freshness {
    /// The time to live of values without one of their own. `None`: no end.
    pub(crate) ttl: Option<Duration>,
    /// How long it is believed that a key has no value.
    pub(crate) not_found_ttl: Duration,
    /// The most that chance takes off the [`ttl`](Self::ttl); `None`: a tenth of it.
    pub(crate) ttl_jitter: Option<Duration>,
    /// The time to live of copies that came from another node's memory; `None`: the owner's.
    pub(crate) peek_ttl: Option<Duration>,
    /// What happens to a value around the end of its freshness.
    pub(crate) aging: Aging,
    /// How long a copy of another node's value is served from when it was asked for, as stale at the end.
    pub(crate) mirror_lease: Option<Duration>,
    pub(crate) random: SplitMix64,
    /// Reads moments.
    pub(crate) wall_clock: WallClock,
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
            Expiry::At(moment) => Some(self.until(moment)),
            Expiry::Never => None,
        };
        Lifetime {
            is_of_moment: matches!(expiry, Expiry::At(_)),
            ..self.lifetime(after, now)
        }
    }

    /// The lifetime of a value that has just come from a peer: as its owner says, and never longer
    /// than the group's own times to live.
    pub(crate) fn of_reply(
        &self,
        expiry: Option<peers::Expiry>,
        via: Via,
        now: Instant,
    ) -> Lifetime {
        let peek_ttl = self.peek_ttl.filter(|_| via == Via::Peek);
        let life = self.life_of(expiry);
        // What an owner says has the jitter in it.
        let ttl = life.map_or_else(|| self.jittered_ttl(), |_| self.ttl);
        let limits = [life, ttl, peek_ttl];
        let left = limits.into_iter().flatten().min();
        Lifetime {
            is_of_moment: matches!(expiry, Some(peers::Expiry::At(_))),
            is_refreshed_ahead: left.is_some_and(|left| self.aging.refreshes_copy_ahead(left)),
            ..self.lifetime(left, now)
        }
    }

    /// How long a value has yet to live that a peer has sent; `None` for ever.
    pub(crate) fn life_of(&self, expiry: Option<peers::Expiry>) -> Option<Duration> {
        expiry.map(|expiry| expiry.life(&self.wall_clock))
    }

    /// Cuts the life of a value that was asked for so long ago, and has come from a peer, to what is left of its lease.
    pub(crate) fn lease(&self, reply: &mut Reply, asked: Duration) {
        let Some(lease) = self.mirror_lease else {
            return;
        };
        let left = lease
            .saturating_sub(asked)
            .saturating_sub(self.aging.kept_window());
        let life = self.life_of(reply.expiry);
        reply.expiry = Some(peers::Expiry::In(life.map_or(left, |life| life.min(left))));
    }

    /// How long it is until `moment`; zero if it is past.
    fn until(&self, moment: SystemTime) -> Duration {
        peers::Expiry::At(moment).life(&self.wall_clock)
    }

    fn jittered_ttl(&self) -> Option<Duration> {
        let (ttl, jitter) = (self.ttl?, self.jitter());
        if jitter.is_zero() {
            return Some(ttl);
        }
        Some(ttl.saturating_sub(jitter.mul_f64(self.random.next_fraction())))
    }

    /// The time to live from which chance has taken the most.
    pub(crate) fn shortest_ttl(&self) -> Option<Duration> {
        Some(self.ttl?.saturating_sub(self.jitter()))
    }

    fn jitter(&self) -> Duration {
        let default = || self.ttl.unwrap_or_default() / DEFAULT_JITTER;
        self.ttl_jitter.unwrap_or_else(default)
    }

    fn lifetime(&self, after: Option<Duration>, now: Instant) -> Lifetime {
        // A time too far away for an Instant is as good as never.
        let fresh_until = after.and_then(|after| now.checked_add(after));
        let kept_until = match after {
            // What is born stale is not kept at all.
            Some(Duration::ZERO) => fresh_until,
            _ => fresh_until.and_then(|instant| instant.checked_add(self.aging.kept_window())),
        };
        Lifetime {
            fresh_until,
            kept_until,
            is_refreshed_ahead: after.is_some_and(|life| self.aging.refreshes_ahead(life)),
            is_of_moment: false,
        }
    }
}

impl Expiry {
    /// As the key's owner is told it; `None` leaves it to its group.
    pub(crate) fn for_owner(self) -> Option<peers::Expiry> {
        match self {
            Self::OfGroup => None,
            Self::Never => Some(peers::Expiry::In(Duration::MAX)),
            Self::At(moment) => Some(peers::Expiry::At(moment)),
            Self::In(after) => Some(peers::Expiry::In(after)),
        }
    }
}

impl From<peers::Expiry> for Expiry {
    fn from(expiry: peers::Expiry) -> Self {
        match expiry {
            peers::Expiry::In(after) => Self::In(after),
            peers::Expiry::At(moment) => Self::At(moment),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn freshness(ttl: Option<Duration>) -> Freshness {
        Freshness {
            ttl,
            ttl_jitter: Some(Duration::ZERO),
            aging: Aging {
                stale_window: Duration::from_secs(5),
                ..Aging::default()
            },
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
        let soon = Some(peers::Expiry::In(MINUTE));
        let late = Some(peers::Expiry::In(MINUTE * 10));
        let fresh = |ttl, expiry| {
            let freshness = freshness(ttl);
            freshness.of_reply(expiry, Via::Fetch, now).fresh_until
        };
        assert_eq!(fresh(None, None), None);
        assert_eq!(fresh(Some(MINUTE), None), Some(now + MINUTE));
        assert_eq!(fresh(Some(MINUTE), late), Some(now + MINUTE));
        assert_eq!(fresh(Some(MINUTE * 10), soon), Some(now + MINUTE));
        assert_eq!(fresh(None, Some(peers::Expiry::In(Duration::MAX))), None);
        let past = peers::Expiry::At(SystemTime::UNIX_EPOCH);
        assert_eq!(fresh(None, Some(past)), Some(now));
    }

    #[test]
    fn a_moment_is_read_by_the_wall_clock_and_remembered() {
        let now = Instant::now();
        let noon = SystemTime::UNIX_EPOCH + Duration::from_secs(43_200);
        let freshness = Freshness {
            wall_clock: WallClock::of(move || noon),
            ..freshness(None)
        };
        let fresh_until = Some(now + MINUTE);
        let loaded = freshness.of_load(Expiry::At(noon + MINUTE), now);
        assert_eq!(
            (loaded.fresh_until, loaded.is_of_moment),
            (fresh_until, true)
        );
        let at = peers::Expiry::At(noon + MINUTE);
        let came = freshness.of_reply(Some(at), Via::Fetch, now);
        assert_eq!((came.fresh_until, came.is_of_moment), (fresh_until, true));
        let loaded = freshness.of_load(Expiry::In(MINUTE), now);
        assert_eq!(
            (loaded.fresh_until, loaded.is_of_moment),
            (fresh_until, false)
        );
    }

    #[test]
    fn a_leased_copy_is_served_no_longer_than_its_lease_also_as_a_stale_one() {
        let second = Duration::from_secs(1);
        let freshness = Freshness {
            mirror_lease: Some(10 * second),
            ..freshness(None)
        };
        let kept = |expiry, asked| {
            let now = Instant::now();
            let value = "v".into();
            let mut reply = Reply {
                value,
                expiry,
                ..Reply::default()
            };
            freshness.lease(&mut reply, asked);
            let lifetime = freshness.of_reply(reply.expiry, Via::Fetch, now);
            lifetime.kept_until.unwrap() - now
        };
        assert_eq!(kept(None, second), 9 * second);
        assert_eq!(
            kept(Some(peers::Expiry::In(MINUTE)), 2 * second),
            8 * second
        );
        assert_eq!(
            kept(Some(peers::Expiry::In(second)), 2 * second),
            6 * second
        );
        assert_eq!(kept(None, MINUTE), Duration::ZERO);
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
            ttl_jitter: Some(jitter),
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
}
