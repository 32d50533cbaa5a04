use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use rangemap::RangeInclusiveSet;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::ChangeId;

/// The most origins that a vector remembers. Each start of a node that makes changes is one.
pub(super) const MAX_ORIGINS: usize = 4096;

/// The most ranges of one origin. Changes mostly come in their order, so that there is one. Of sets that are made at the same
/// time, a node that is no owner hears out of order.
const MAX_RANGES: usize = 4096;

/// Which changes a node has made, those of each origin with the gaps that it has yet to close.
///
/// A vector that is full forgets the oldest origin, and the highest changes of an origin that has too many gaps: all nodes forget
/// the same.
#[derive(Clone, Debug, Default)]
pub struct VersionVector {
    by_origin: BTreeMap<u64, RangeInclusiveSet<u64>>,
    /// The sum of the hashes of the ranges, as long as it has forgotten no changes.
    hash: u64,
    is_incomplete: bool,
}

impl VersionVector {
    /// The vector with these changes, which are listed as in [`Knowledge::made`](crate::Knowledge::made).
    pub fn of(list: &[(u64, Vec<RangeInclusive<u64>>)]) -> Self {
        let mut vector = Self::default();
        vector.insert_all(list);
        vector
    }

    pub(super) fn to_list(&self) -> Vec<(u64, Vec<RangeInclusive<u64>>)> {
        let origins = self.by_origin.iter();
        let list = origins.map(|(origin, numbers)| (*origin, numbers.iter().cloned().collect()));
        list.collect()
    }

    /// Whether the change is among them.
    pub fn contains(&self, id: ChangeId) -> bool {
        let numbers = self.by_origin.get(&id.origin);
        numbers.is_some_and(|numbers| numbers.contains(&id.number))
    }

    /// Adds the changes of a [list](crate::Knowledge::made).
    pub fn insert_all(&mut self, list: &[(u64, Vec<RangeInclusive<u64>>)]) {
        for (origin, ranges) in list {
            for range in ranges.iter().filter(|range| !range.is_empty()) {
                self.insert(*origin, range.clone());
            }
        }
    }

    /// Adds some changes of one origin.
    pub(super) fn insert(&mut self, origin: u64, numbers: RangeInclusive<u64>) {
        let held = self.by_origin.entry(origin).or_default();
        // Those that become one with the new range.
        let near = numbers.start().saturating_sub(1)..=numbers.end().saturating_add(1);
        let before = hash_of(origin, held.overlapping(&near));
        held.insert(numbers);
        let after = hash_of(origin, held.overlapping(&near));
        self.hash = self.hash.wrapping_sub(before).wrapping_add(after);
        let highest = held.last().filter(|_| held.len() > MAX_RANGES).cloned();
        if let Some(highest) = highest {
            held.remove(highest);
            self.is_incomplete = true;
        }
        if self.by_origin.len() > MAX_ORIGINS {
            self.by_origin.pop_first();
            self.is_incomplete = true;
        }
    }

    /// The same for vectors with the same changes; zero once a vector has forgotten any.
    pub(super) fn hash(&self) -> u64 {
        u64::from(!self.is_incomplete) * self.hash.max(1)
    }

    /// Whether `other` lacks a change up to this one, of the same origin, that this vector has.
    pub fn has_more_than(&self, other: &Self, up_to: ChangeId) -> bool {
        let mine = self.by_origin.get(&up_to.origin).into_iter();
        let mut mine = mine.flat_map(|numbers| numbers.overlapping(0..=up_to.number));
        mine.any(|range| {
            let range = *range.start()..=up_to.number.min(*range.end());
            let theirs = other.by_origin.get(&up_to.origin);
            theirs.is_none_or(|theirs| theirs.gaps(&range).next().is_some())
        })
    }
}

/// The sum of the hashes of some ranges of one origin.
fn hash_of<'a>(origin: u64, ranges: impl IntoIterator<Item = &'a RangeInclusive<u64>>) -> u64 {
    let hash = |range: &RangeInclusive<u64>| {
        let bounds = [*range.start(), *range.end()].map(u64::to_le_bytes);
        xxh3_64_with_seed(bounds.as_flattened(), origin)
    };
    ranges.into_iter().map(hash).fold(0, u64::wrapping_add)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn id(origin: u64, number: u64) -> ChangeId {
        ChangeId { origin, number }
    }

    #[test]
    fn a_full_vector_forgets_the_oldest_origin() {
        let mut vector = VersionVector::default();
        for origin in 1..=MAX_ORIGINS as u64 {
            vector.insert(origin, 1..=1);
        }
        assert_ne!(vector.hash(), 0);
        vector.insert(0, 1..=1);
        assert!(vector.contains(id(1, 1)) && !vector.contains(id(0, 1)));
        assert_eq!(vector.hash(), 0, "it cannot say");
        vector.insert(u64::MAX, 1..=1);
        assert!(!vector.contains(id(1, 1)) && vector.contains(id(u64::MAX, 1)));
        assert_eq!(vector.by_origin.len(), MAX_ORIGINS);
    }

    #[test]
    fn an_origin_with_too_many_gaps_loses_its_highest_changes() {
        let mut vector = VersionVector::default();
        for number in 1..=MAX_RANGES as u64 + 1 {
            vector.insert(7, 2 * number..=2 * number);
        }
        let highest = 2 * MAX_RANGES as u64;
        assert!(vector.contains(id(7, highest)) && !vector.contains(id(7, highest + 2)));
        vector.insert(7, 0..=0);
        assert!(vector.contains(id(7, 0)) && !vector.contains(id(7, highest)));
        vector.insert(7, u64::MAX - 1..=u64::MAX);
        assert!(!vector.contains(id(7, u64::MAX)));
    }

    /// Ranges of two origins.
    fn ranges() -> impl Strategy<Value = Vec<(u64, u64, u64)>> {
        prop::collection::vec((0_u64..2, 0_u64..60, 0_u64..6), 0..30)
    }

    proptest! {
        #[test]
        fn a_vector_is_a_set_of_changes(mine in ranges(), theirs in ranges(), limit in 0_u64..70) {
            let [(mine, of_mine), (theirs, of_theirs)] = [mine, theirs].map(|ranges| {
                let (mut vector, mut set) = (VersionVector::default(), BTreeSet::new());
                for (origin, first, length) in ranges {
                    vector.insert(origin, first..=first + length);
                    set.extend((first..=first + length).map(|number| id(origin, number)));
                }
                (vector, set)
            });
            for origin in 0..3 {
                for number in 0..80 {
                    let change = id(origin, number);
                    prop_assert_eq!(mine.contains(change), of_mine.contains(&change));
                }
                let mut up_to = of_mine.range(id(origin, 0)..=id(origin, limit));
                let more = up_to.any(|change| !of_theirs.contains(change));
                prop_assert_eq!(mine.has_more_than(&theirs, id(origin, limit)), more);
            }
            let again = VersionVector::of(&mine.to_list());
            prop_assert_eq!((again.to_list(), again.hash()), (mine.to_list(), mine.hash()));
            prop_assert_eq!(of_mine == of_theirs, mine.hash() == theirs.hash());
        }
    }
}
