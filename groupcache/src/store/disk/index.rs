use std::collections::HashMap;
use std::mem;

use super::ledger::{Slot, Slots};

/// The records that count, by the hashes of their keys. In parts, so that no look at all of them is a long one.
#[derive(Debug)]
pub(super) struct Index {
    parts: Vec<Slots>,
    len: usize,
}

impl Index {
    /// How many parts there are.
    pub(super) const PARTS: usize = 256;

    pub(super) fn of(slots: Slots) -> Self {
        let mut index = Self::default();
        for (hash, slot) in slots {
            index.insert(hash, slot);
        }
        index
    }

    /// All of it, so that nothing is left here.
    pub(super) fn take(&mut self) -> Self {
        mem::take(self)
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn get(&self, hash: u64) -> Option<Slot> {
        self.parts[part_of(hash)].get(&hash).copied()
    }

    pub(super) fn insert(&mut self, hash: u64, slot: Slot) {
        let before = self.parts[part_of(hash)].insert(hash, slot);
        self.len += usize::from(before.is_none());
    }

    pub(super) fn remove(&mut self, hash: u64) {
        let before = self.parts[part_of(hash)].remove(&hash);
        self.len -= usize::from(before.is_some());
    }

    /// The records of a part.
    pub(super) fn part(&self, part: usize) -> &Slots {
        &self.parts[part]
    }
}

impl Default for Index {
    /// Without records.
    fn default() -> Self {
        Self {
            parts: vec![HashMap::new(); Self::PARTS],
            len: 0,
        }
    }
}

fn part_of(hash: u64) -> usize {
    (hash >> 56) as usize % Index::PARTS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_is_a_map_in_parts() {
        let slot = |id| Slot { id, place: id };
        let hash = |n: u64| n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut index = Index::of((0..1000).map(|n| (hash(n), slot(n))).collect());
        index.insert(hash(1), slot(7));
        index.remove(hash(2));
        index.remove(hash(2));
        assert_eq!(index.len(), 999);
        let found = [1, 2, 3].map(|n| index.get(hash(n)));
        assert_eq!(found, [Some(slot(7)), None, Some(slot(3))]);
        let parts = (0..Index::PARTS).map(|part| index.part(part).len());
        assert_eq!(parts.sum::<usize>(), 999);
    }
}
