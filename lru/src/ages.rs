use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use crate::Clock;

/// The ages of the victims of a shard.
///
/// An entry does not record when it came, but its stamp records in which order. So it is enough to look
/// at the clock now and then, and to remember which stamp was next. An age is exact to about a
/// [`RESOLUTION`]th of the time in which the shard's entries turn over.
#[derive(Debug)]
pub(crate) struct Ages {
    /// The looks at the clock, oldest first: the next stamp, and the time.
    looks: VecDeque<(u32, Instant)>,
    /// Evictions since the age of a victim was last measured.
    unmeasured: usize,
    /// A moving average of the measured ages.
    typical: Option<Duration>,
}

/// How often the clock is looked at while as many entries come as the shard holds.
const RESOLUTION: usize = 16;

/// How many looks are kept. They cover twice as many inserts as the shard holds entries; few victims
/// are older.
const LOOKS: usize = 2 * RESOLUTION;

/// The newest age counts for one part in so many of the average.
const WEIGHT: u32 = 8;

impl Ages {
    pub(crate) const fn new() -> Self {
        Self {
            looks: VecDeque::new(),
            unmeasured: 0,
            typical: None,
        }
    }

    /// To be called when an entry with this stamp comes to a shard with so many entries.
    #[inline]
    pub(crate) fn came(&mut self, stamp: u32, entries: usize, clock: &impl Clock) {
        let last = self.looks.back().map(|&(last, _)| stamp.wrapping_sub(last));
        if last.is_none_or(|since| since as usize * RESOLUTION >= entries) {
            self.look(stamp, clock.now());
        }
    }

    /// Remembers that an entry with this stamp came now, and forgets the oldest look.
    #[cold]
    fn look(&mut self, stamp: u32, now: Instant) {
        if self.looks.len() == LOOKS {
            self.looks.pop_front();
        }
        self.looks.push_back((stamp, now));
    }

    /// To be called when a live entry with this stamp is evicted from a shard with so many entries.
    #[inline]
    pub(crate) fn evicted(&mut self, stamp: u32, entries: usize, clock: &impl Clock) {
        self.unmeasured += 1;
        if self.unmeasured * RESOLUTION >= entries {
            self.unmeasured = 0;
            self.measure(stamp, clock.now());
        }
    }

    /// About the age of an entry with this stamp. `None` if no entry has come yet.
    pub(crate) fn age(&self, stamp: u32, now: Instant) -> Option<Duration> {
        let came = |&&(look, _): &&(u32, Instant)| stamp.wrapping_sub(look) as i32 >= 0;
        // An entry that came before the oldest look is at least as old as that look.
        let look = self.looks.iter().rev().find(came).or(self.looks.front());
        look.map(|&(_, at)| now.saturating_duration_since(at))
    }

    #[cold]
    fn measure(&mut self, stamp: u32, now: Instant) {
        let Some(age) = self.age(stamp, now) else {
            return;
        };
        self.typical = Some(match self.typical {
            None => age,
            Some(typical) => typical - typical / WEIGHT + age / WEIGHT,
        });
    }

    /// The average age of recent victims. `None` until the age of one has been measured.
    pub(crate) fn typical(&self) -> Option<Duration> {
        self.typical
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ManualClock;

    #[test]
    fn the_age_of_victims_is_known_to_a_sixteenth_of_the_turnover() {
        const ENTRIES: u32 = 1000;
        let clock = ManualClock::new();
        let mut ages = Ages::new();
        // First in, first out: a victim is as old as the time in which a thousand entries come.
        for stamp in 0..10 * ENTRIES {
            ages.came(stamp, ENTRIES as usize, &clock);
            if let Some(victim) = stamp.checked_sub(ENTRIES) {
                ages.evicted(victim, ENTRIES as usize, &clock);
            }
            clock.advance(Duration::from_millis(1));
            assert!(ages.looks.len() <= LOOKS);
        }
        let age = ages.typical().unwrap();
        let expected = Duration::from_secs(1);
        assert!(age.abs_diff(expected) <= expected / 16, "{age:?}");
    }

    #[test]
    fn there_is_no_age_without_a_victim() {
        let mut ages = Ages::new();
        ages.came(0, 0, &ManualClock::new());
        assert_eq!(ages.typical(), None);
    }
}
