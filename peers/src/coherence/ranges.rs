use std::ops::RangeInclusive;

/// A set of numbers, as ranges in rising order that do not touch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Ranges(Vec<RangeInclusive<u64>>);

impl Ranges {
    pub(super) fn contains(&self, number: u64) -> bool {
        self.covers(&(number..=number))
    }

    /// Whether all numbers of the range are in the set.
    pub(super) fn covers(&self, range: &RangeInclusive<u64>) -> bool {
        let place = self.0.partition_point(|held| held.end() < range.start());
        self.0
            .get(place)
            .is_some_and(|held| held.start() <= range.start() && range.end() <= held.end())
    }

    /// Whether `other`, or an empty set, lacks a number up to `limit` that is in this set.
    pub(super) fn has_more_than(&self, other: Option<&Self>, limit: u64) -> bool {
        let held = self.0.iter();
        let mut held = held.take_while(|range| *range.start() <= limit);
        held.any(|range| {
            let range = *range.start()..=limit.min(*range.end());
            other.is_none_or(|other| !other.covers(&range))
        })
    }

    /// Adds a range. The set has at most `most` ranges, and drops the highest if that makes one more.
    pub(super) fn insert(&mut self, range: RangeInclusive<u64>, most: usize) {
        if range.is_empty() {
            return;
        }
        let before = |held: &RangeInclusive<u64>| held.end().saturating_add(1) < *range.start();
        let first = self.0.partition_point(before);
        let not_after = |held: &RangeInclusive<u64>| *held.start() <= range.end().saturating_add(1);
        let count = self.0[first..].partition_point(not_after);
        let touched = &self.0[first..first + count];
        let start = touched
            .first()
            .map_or(*range.start(), |held| *held.start().min(range.start()));
        let end = touched
            .last()
            .map_or(*range.end(), |held| *held.end().max(range.end()));
        self.0.splice(first..first + count, [start..=end]);
        self.0.truncate(most);
    }

    pub(super) fn to_vec(&self) -> Vec<RangeInclusive<u64>> {
        self.0.clone()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn ranges(numbers: &[RangeInclusive<u64>]) -> Ranges {
        let mut ranges = Ranges::default();
        for range in numbers {
            ranges.insert(range.clone(), usize::MAX);
        }
        ranges
    }

    #[test]
    fn ranges_that_touch_become_one() {
        assert_eq!(ranges(&[1..=2, 5..=6, 3..=4]).0, [1..=6]);
        assert_eq!(ranges(&[3..=3, 1..=1]).0, [1..=1, 3..=3]);
        assert_eq!(
            ranges(&[u64::MAX..=u64::MAX, 0..=u64::MAX - 1]).0,
            [0..=u64::MAX]
        );
    }

    #[test]
    fn a_full_set_drops_its_highest_range() {
        let mut full = ranges(&[3..=3, 5..=5]);
        full.insert(7..=7, 2);
        assert_eq!(full.0, [3..=3, 5..=5]);
        full.insert(1..=1, 2);
        assert_eq!(full.0, [1..=1, 3..=3]);
        full.insert(2..=2, 2);
        assert_eq!(full.0, [1..=3]);
    }

    proptest! {
        #[test]
        fn ranges_are_a_set(
            inserted in prop::collection::vec((0_u64..60, 0_u64..6), 0..30),
            others in prop::collection::vec((0_u64..60, 0_u64..6), 0..30),
            limit in 0_u64..70,
        ) {
            let (mut held, mut set) = (Ranges::default(), BTreeSet::new());
            for (start, length) in inserted {
                set.extend(start..=start + length);
                held.insert(start..=start + length, usize::MAX);
            }
            for number in 0..80 {
                prop_assert_eq!(held.contains(number), set.contains(&number));
            }
            prop_assert_eq!(held.has_more_than(None, limit), set.range(..=limit).count() > 0);
            let other: Vec<_> = others.iter().map(|(start, length)| *start..=start + length).collect();
            let numbers: BTreeSet<u64> = other.iter().cloned().flatten().collect();
            let more = set.range(..=limit).any(|number| !numbers.contains(number));
            prop_assert_eq!(held.has_more_than(Some(&ranges(&other)), limit), more);
            prop_assert!(held.0.windows(2).all(|pair| pair[0].end() + 1 < *pair[1].start()));
        }
    }
}
