use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ops::RangeInclusive;

use super::ranges::Ranges;
use crate::ChangeId;

/// The most origins that a vector remembers. Each start of a node that makes changes is one.
pub(super) const MAX_ORIGINS: usize = 4096;

/// The most ranges of one origin. Changes mostly come in their order, so that there is one.
const MAX_RANGES: usize = 32;

/// Which changes a node has made, those of each origin with the gaps that it has yet to close.
///
/// A vector that is full forgets: it may lack what the node has made, and never has what it has not made. What it lacks
/// is made once more, which costs a load.
#[derive(Clone, Debug, Default)]
pub(super) struct VersionVector {
    by_origin: HashMap<u64, Origin>,
    /// How many changes have been inserted.
    count: u64,
    /// The number of insertions, by which the origin without news for the longest time is found.
    ticks: u64,
}

#[derive(Clone, Debug, Default)]
struct Origin {
    numbers: Ranges,
    touched: u64,
}

impl VersionVector {
    pub(super) fn of(list: &[(u64, Vec<RangeInclusive<u64>>)]) -> Self {
        let mut vector = Self::default();
        for (origin, ranges) in list {
            for range in ranges {
                vector.insert(*origin, range.clone());
            }
        }
        vector
    }

    pub(super) fn to_list(&self) -> Vec<(u64, Vec<RangeInclusive<u64>>)> {
        let origins = self.by_origin.iter();
        origins
            .map(|(origin, held)| (*origin, held.numbers.to_vec()))
            .collect()
    }

    /// How many changes there have been. Never falls.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    pub(super) fn contains(&self, id: ChangeId) -> bool {
        let origin = self.by_origin.get(&id.origin);
        origin.is_some_and(|held| held.numbers.contains(id.number))
    }

    /// Adds changes of one origin.
    pub(super) fn insert(&mut self, origin: u64, numbers: RangeInclusive<u64>) {
        if self.by_origin.len() >= MAX_ORIGINS && !self.by_origin.contains_key(&origin) {
            self.forget_the_quietest();
        }
        self.ticks += 1;
        let held = self.by_origin.entry(origin).or_default();
        let new = held.numbers.insert(numbers, MAX_RANGES);
        if new > 0 {
            held.touched = self.ticks;
        }
        self.count = self.count.saturating_add(new);
    }

    /// Whether `other` lacks a change of the origin up to `limit` that this vector has.
    pub(super) fn has_more_than(&self, other: &Self, origin: u64, limit: u64) -> bool {
        let theirs = other.by_origin.get(&origin).map(|held| &held.numbers);
        let mine = self.by_origin.get(&origin);
        mine.is_some_and(|mine| mine.numbers.has_more_than(theirs, limit))
    }

    fn forget_the_quietest(&mut self) {
        let quietest = self.by_origin.iter().min_by_key(|(_, held)| held.touched);
        let quietest = quietest.map(|(origin, _)| *origin);
        if let Some(Entry::Occupied(held)) = quietest.map(|origin| self.by_origin.entry(origin)) {
            held.remove();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(origin: u64, number: u64) -> ChangeId {
        ChangeId { origin, number }
    }

    #[test]
    fn a_vector_has_what_was_inserted_and_counts_each_change_once() {
        let mut vector = VersionVector::default();
        for numbers in [1..=2, 5..=5, 2..=3] {
            vector.insert(7, numbers);
        }
        assert!(vector.contains(id(7, 3)) && vector.contains(id(7, 5)));
        assert!(!vector.contains(id(7, 4)) && !vector.contains(id(8, 1)));
        assert_eq!(vector.count(), 4);
        let copy = VersionVector::of(&vector.to_list());
        assert_eq!(copy.to_list(), vector.to_list());
        assert_eq!(copy.count(), 4);
    }

    #[test]
    fn a_vector_finds_what_another_one_lacks() {
        let (mut one, mut other) = (VersionVector::default(), VersionVector::default());
        one.insert(7, 1..=5);
        other.insert(7, 1..=2);
        other.insert(7, 4..=5);
        assert!(!one.has_more_than(&other, 7, 2));
        assert!(one.has_more_than(&other, 7, 3));
        assert!(!other.has_more_than(&one, 7, u64::MAX));
        assert!(!one.has_more_than(&other, 8, u64::MAX));
        one.insert(8, 4..=4);
        assert!(one.has_more_than(&other, 8, 4) && !one.has_more_than(&other, 8, 3));
    }

    #[test]
    fn a_full_vector_forgets_the_origin_without_news_for_the_longest_time() {
        let mut vector = VersionVector::default();
        for origin in 0..MAX_ORIGINS as u64 {
            vector.insert(origin, 1..=1);
        }
        vector.insert(0, 2..=2);
        vector.insert(u64::MAX, 1..=1);
        assert!(vector.contains(id(0, 2)) && vector.contains(id(u64::MAX, 1)));
        assert!(!vector.contains(id(1, 1)));
        assert_eq!(vector.by_origin.len(), MAX_ORIGINS);
        assert_eq!(vector.count(), MAX_ORIGINS as u64 + 2);
    }
}
