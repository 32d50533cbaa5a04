use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use crate::WallClock;

/// When a value stops being fresh.
///
/// Two nodes tell a duration alike, but rarely a moment: a clock may be minutes off, or jump. So the native protocol
/// carries durations. The others carry moments, as their Go peers do, and
/// [`PeerStatus::clock`](crate::PeerStatus::clock) says how far a peer's clock is from this node's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expiry {
    /// So long after the reply or the request was handed over: by a client to its caller, by a service to its server, and
    /// the other way round. [`Duration::MAX`] is never.
    In(Duration),
    /// At this moment, by the wall clock of the node that has said it.
    At(SystemTime),
}

/// The last moment that is told to others, after 1970: most protocols count nanoseconds.
const LAST_MOMENT: Duration = Duration::from_nanos(i64::MAX as u64);

impl Expiry {
    /// How long the value stays fresh from now on; zero if it is fresh no more. A moment is read by `clock`.
    pub fn life(self, clock: &WallClock) -> Duration {
        match self {
            Self::In(life) => life,
            Self::At(moment) => moment.duration_since(clock.now()).unwrap_or_default(),
        }
    }

    /// The moment by `clock`, for protocols that carry one. A duration beyond the year 2262 ends there.
    pub fn moment(self, clock: &WallClock) -> SystemTime {
        match self {
            Self::In(life) => {
                let last = SystemTime::UNIX_EPOCH + LAST_MOMENT;
                let moment = clock.now().checked_add(life);
                moment.map_or(last, |moment| moment.min(last))
            }
            Self::At(moment) => moment,
        }
    }

    /// What is left of it after this time. A moment stays the same.
    #[must_use]
    pub fn after(self, passed: Duration) -> Self {
        match self {
            Self::In(Duration::MAX) | Self::At(_) => self,
            Self::In(life) => Self::In(life.saturating_sub(passed)),
        }
    }

    /// The same expiry, counted from an earlier instant than now: an answer says it from when its call came.
    pub(crate) fn counted_from(self, begun: Instant, clock: &WallClock) -> Self {
        Self::In(self.life(clock).saturating_add(begun.elapsed()))
    }

    /// The nanoseconds that a native message has for it. The largest number is never.
    pub(crate) fn nanos(self, clock: &WallClock) -> u64 {
        u64::try_from(self.life(clock).as_nanos()).unwrap_or(u64::MAX)
    }

    /// The expiry in a native message.
    pub(crate) fn from_nanos(nanos: u64) -> Self {
        Self::In(match nanos {
            u64::MAX => Duration::MAX,
            nanos => Duration::from_nanos(nanos),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn at(seconds: u64) -> (SystemTime, WallClock) {
        let moment = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        (moment, WallClock::of(move || moment))
    }

    #[test]
    fn a_moment_is_read_by_the_clock_and_a_duration_by_none() {
        let (moment, clock) = at(1000);
        assert_eq!(Expiry::At(moment + MINUTE).life(&clock), MINUTE);
        assert_eq!(Expiry::At(moment).life(&clock), Duration::ZERO);
        assert_eq!(Expiry::At(moment - MINUTE).life(&clock), Duration::ZERO);
        let (_, wrong) = at(1_000_000);
        assert_eq!(Expiry::In(MINUTE).life(&wrong), MINUTE);
    }

    #[test]
    fn a_duration_becomes_a_moment_of_the_clock() {
        let (moment, clock) = at(1000);
        assert_eq!(Expiry::In(MINUTE).moment(&clock), moment + MINUTE);
        assert_eq!(Expiry::At(moment).moment(&clock), moment);
        let last = SystemTime::UNIX_EPOCH + LAST_MOMENT;
        for long in [Duration::MAX, LAST_MOMENT, LAST_MOMENT * 100] {
            assert_eq!(Expiry::In(long).moment(&clock), last, "{long:?}");
        }
    }

    #[test]
    fn time_takes_from_a_duration_and_neither_from_a_moment_nor_from_never() {
        let (moment, _) = at(1000);
        assert_eq!(Expiry::In(3 * MINUTE).after(MINUTE), Expiry::In(2 * MINUTE));
        assert_eq!(
            Expiry::In(MINUTE).after(2 * MINUTE),
            Expiry::In(Duration::ZERO)
        );
        assert_eq!(Expiry::At(moment).after(MINUTE), Expiry::At(moment));
        let never = Expiry::In(Duration::MAX);
        assert_eq!(never.after(MINUTE), never);
    }

    proptest! {
        #[test]
        fn any_number_of_nanoseconds_reads_back(nanos: u64) {
            let clock = WallClock::default();
            prop_assert_eq!(Expiry::from_nanos(nanos).nanos(&clock), nanos);
            prop_assert_eq!(Expiry::from_nanos(u64::MAX).nanos(&clock), u64::MAX);
        }
    }
}
