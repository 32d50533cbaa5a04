use std::{num::NonZeroU64, time::Instant};

use crate::Clock;

/// The instant from which an entry is as good as absent, in half the space of an
/// `Option<Instant>`: nanoseconds on the scale of an [`Epoch`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Deadline(NonZeroU64);

impl Deadline {
    pub(crate) const NEVER: Self = Self(NonZeroU64::MAX);

    #[inline]
    pub(crate) fn is_never(self) -> bool {
        self == Self::NEVER
    }
}

/// What deadlines are counted from: 292 years in either direction. What is further away counts as
/// never, or as passed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Epoch(Instant);

/// The epoch on its own scale.
const ORIGIN: u64 = 1 << 63;

impl Epoch {
    pub(crate) fn new() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn deadline(self, at: Option<Instant>) -> Deadline {
        let Some(at) = at else {
            return Deadline::NEVER;
        };
        let nanos = |from: Instant, to: Instant| {
            u64::try_from(to.duration_since(from).as_nanos()).unwrap_or(u64::MAX)
        };
        let scaled = if at >= self.0 {
            ORIGIN.saturating_add(nanos(self.0, at))
        } else {
            ORIGIN.saturating_sub(nanos(at, self.0))
        };
        Deadline(NonZeroU64::new(scaled).unwrap_or(NonZeroU64::MIN))
    }

    #[inline]
    pub(crate) fn instant(self, deadline: Deadline) -> Option<Instant> {
        if deadline.is_never() {
            return None;
        }
        let scaled = deadline.0.get();
        let nanos = std::time::Duration::from_nanos(scaled.abs_diff(ORIGIN));
        if scaled >= ORIGIN {
            self.0.checked_add(nanos)
        } else {
            self.0.checked_sub(nanos)
        }
    }

    /// Asks the clock only if the deadline can pass at all.
    #[inline]
    pub(crate) fn has_passed(self, deadline: Deadline, clock: &impl Clock) -> bool {
        !deadline.is_never() && deadline <= self.deadline(Some(clock.now()))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn instants_survive_to_the_nanosecond() {
        let epoch = Epoch::new();
        for nanos in [0, 1, 999_999_999, 1 << 50] {
            let nanos = Duration::from_nanos(nanos);
            let later = Some(epoch.0 + nanos);
            assert_eq!(epoch.instant(epoch.deadline(later)), later);
            if let Some(earlier) = epoch.0.checked_sub(nanos) {
                let deadline = epoch.deadline(Some(earlier));
                assert_eq!(epoch.instant(deadline), Some(earlier));
            }
        }
        assert_eq!(epoch.instant(Deadline::NEVER), None);
    }

    #[test]
    fn deadlines_are_ordered_as_their_instants() {
        let epoch = Epoch::new();
        let at = |secs| epoch.deadline(epoch.0.checked_add(Duration::from_secs(secs)));
        assert!(at(0) < at(1) && at(1) < at(1 << 33) && at(1 << 33) < Deadline::NEVER);
        assert_eq!(at(1 << 40), Deadline::NEVER, "34,000 years are for ever");
    }
}
