use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use super::ranges::Ranges;
use crate::ChangeId;

/// The most origins that a vector remembers. Each start of a node that makes changes is one.
pub(super) const MAX_ORIGINS: usize = 4096;

/// The most ranges of one origin. Changes mostly come in their order, so that there is one.
const MAX_RANGES: usize = 128;

/// Which changes a node has made, those of each origin with the gaps that it has yet to close.
///
/// A vector that is full forgets the oldest origin, and the highest changes of an origin that has too many gaps: all nodes forget
/// the same.
#[derive(Clone, Debug, Default)]
pub(super) struct VersionVector(BTreeMap<u64, Ranges>);

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
        let origins = self.0.iter();
        origins
            .map(|(origin, numbers)| (*origin, numbers.to_vec()))
            .collect()
    }

    pub(super) fn contains(&self, id: ChangeId) -> bool {
        let numbers = self.0.get(&id.origin);
        numbers.is_some_and(|numbers| numbers.contains(id.number))
    }

    /// Adds changes of one origin.
    pub(super) fn insert(&mut self, origin: u64, numbers: RangeInclusive<u64>) {
        let held = self.0.entry(origin).or_default();
        held.insert(numbers, MAX_RANGES);
        if self.0.len() > MAX_ORIGINS {
            self.0.pop_first();
        }
    }

    /// Whether `other` lacks a change of the origin up to `limit` that this vector has.
    pub(super) fn has_more_than(&self, other: &Self, origin: u64, limit: u64) -> bool {
        let mine = self.0.get(&origin);
        mine.is_some_and(|mine| mine.has_more_than(other.0.get(&origin), limit))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(origin: u64, number: u64) -> ChangeId {
        ChangeId { origin, number }
    }

    #[test]
    fn a_vector_has_what_was_inserted() {
        let mut vector = VersionVector::default();
        for numbers in [1..=2, 5..=5, 2..=3] {
            vector.insert(7, numbers);
        }
        assert!(vector.contains(id(7, 3)) && vector.contains(id(7, 5)));
        assert!(!vector.contains(id(7, 4)) && !vector.contains(id(8, 1)));
        let copy = VersionVector::of(&vector.to_list());
        assert_eq!(copy.to_list(), vector.to_list());
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
    fn a_full_vector_forgets_the_oldest_origin() {
        let mut vector = VersionVector::default();
        for origin in 1..=MAX_ORIGINS as u64 {
            vector.insert(origin, 1..=1);
        }
        vector.insert(0, 1..=1);
        assert!(vector.contains(id(1, 1)) && !vector.contains(id(0, 1)));
        vector.insert(u64::MAX, 1..=1);
        assert!(!vector.contains(id(1, 1)) && vector.contains(id(u64::MAX, 1)));
        assert_eq!(vector.0.len(), MAX_ORIGINS);
    }
}
