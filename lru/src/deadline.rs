use std::time::Instant;

use crate::Clock;

/// The instant from which an entry is as good as absent, as nanoseconds on the scale of an [`Epoch`].
/// A deadline takes less than half the space of an `Option<Instant>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Deadline(u64);

impl Deadline {
    /// The bits of a deadline. A [`Label`](crate::label::Label) uses the other bits of its word.
    pub(crate) const BITS: u32 = 60;

    pub(crate) const NEVER: Self = Self((1 << Self::BITS) - 1);

    #[inline]
    pub(crate) fn bits(self) -> u64 {
        self.0
    }

    /// The counterpart of [`bits`](Self::bits).
    #[inline]
    pub(crate) fn from_bits(bits: u64) -> Self {
        Self(bits & Self::NEVER.0)
    }

    #[inline]
    pub(crate) fn is_never(self) -> bool {
        self == Self::NEVER
    }
}

/// The instant that deadlines are counted from, up to 18 years in either direction. An instant further
/// in the future counts as never, one further in the past as passed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Epoch(Instant);

/// The epoch on its own scale.
const ORIGIN: u64 = 1 << (Deadline::BITS - 1);

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
        Deadline(scaled.min(Deadline::NEVER.0))
    }

    #[inline]
    pub(crate) fn instant(self, deadline: Deadline) -> Option<Instant> {
        if deadline.is_never() {
            return None;
        }
        let scaled = deadline.0;
        let nanos = std::time::Duration::from_nanos(scaled.abs_diff(ORIGIN));
        if scaled >= ORIGIN {
            self.0.checked_add(nanos)
        } else {
            self.0.checked_sub(nanos)
        }
    }

    /// Whether the deadline has passed. Reads the clock only if the deadline can pass at all.
    #[inline]
    pub(crate) fn has_passed(&self, deadline: Deadline, clock: &impl Clock) -> bool {
        !deadline.is_never() && self.has_come(deadline, clock)
    }

    /// Not inlined, so that a lookup of an entry without an expiry does not pay for this code.
    #[inline(never)]
    fn has_come(&self, deadline: Deadline, clock: &impl Clock) -> bool {
        deadline <= self.deadline(Some(clock.now()))
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
        assert!(at(0) < at(1) && at(1) < at(1 << 29) && at(1 << 29) < Deadline::NEVER);
        assert_eq!(at(1 << 40), Deadline::NEVER, "34,000 years are for ever");
    }
}
