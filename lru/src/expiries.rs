use allocator_api2::alloc::{Allocator, Global};

use crate::{
    deadline::Deadline,
    segments::{Blank, Segments},
};

/// The entries that expire, soonest first.
///
/// A heap in which each node has four children. Four sibling items have the size of a cache line. Every
/// entry knows the place of its item, so an entry that leaves before it expires takes its item along. So
/// the heap has one item for each entry with an expiry, and each operation takes at most logarithmic
/// time. An item that is later than all others, the common case, is added in constant time. Most items
/// have no children, so their removal moves no item up from below.
///
/// Alternatives: a heap with lazy deletion writes less, but has to be swept now and then, while all
/// callers wait. A timing wheel takes constant time, but reclaims only by the tick of its finest wheel.
/// A thread has to turn the wheel, and this store has no thread.
#[derive(Debug)]
pub(crate) struct Expiries<A: Allocator = Global> {
    heap: Segments<Item, 256, A>,
}

/// One entry with an expiry. Items are ordered by deadline, then by stamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Item {
    pub(crate) deadline: Deadline,
    pub(crate) stamp: u32,
    pub(crate) slot: u32,
}

impl Blank for Item {
    const BLANK: Self = Self {
        deadline: Deadline::NEVER,
        stamp: 0,
        slot: 0,
    };
}

const CHILDREN: u32 = 4;

/// The bytes that an item takes up.
pub(crate) const BYTES_PER_ENTRY: usize = size_of::<Item>();

impl<A: Allocator + Clone> Expiries<A> {
    pub(crate) fn new(memory: A) -> Self {
        Self {
            heap: Segments::new(memory),
        }
    }

    /// The item with the soonest deadline.
    #[inline]
    pub(crate) fn first(&self) -> Option<Item> {
        self.heap.get(0).copied()
    }

    /// Adds an item. Here and below, `moved(slot, place)` is called for each slot whose item has come to
    /// another place.
    pub(crate) fn push(&mut self, item: Item, moved: impl FnMut(u32, u32)) {
        let at = self.heap.push();
        self.rise(at, item, moved);
    }

    /// Takes out the item at a place.
    pub(crate) fn remove(&mut self, at: u32, mut moved: impl FnMut(u32, u32)) {
        let Some(end) = self.heap.len().checked_sub(1) else {
            return;
        };
        let last = self.heap[end];
        self.heap.pop();
        if at < end {
            let at = self.sink(at, last, &mut moved);
            self.rise(at, last, moved);
        }
    }

    /// Gives the item at a place another slot, after its entry has moved there.
    pub(crate) fn rename(&mut self, at: u32, slot: u32) {
        self.heap[at].slot = slot;
    }

    /// Moves later items down, from a free place upwards, and puts `item` into the place that is free
    /// then.
    fn rise(&mut self, mut at: u32, item: Item, mut moved: impl FnMut(u32, u32)) {
        while at > 0 {
            let parent = (at - 1) / CHILDREN;
            let above = self.heap[parent];
            if above <= item {
                break;
            }
            self.heap[at] = above;
            moved(above.slot, at);
            at = parent;
        }
        self.heap[at] = item;
        moved(item.slot, at);
    }

    /// Moves items that are sooner than `item` up, from a free place downwards, and returns the place
    /// that is free then.
    fn sink(&mut self, mut at: u32, item: Item, moved: &mut impl FnMut(u32, u32)) -> u32 {
        loop {
            let first = at * CHILDREN + 1;
            let children = first..self.heap.len().min(first + CHILDREN);
            let Some(child) = children.min_by_key(|&child| self.heap[child]) else {
                return at;
            };
            let below = self.heap[child];
            if item <= below {
                return at;
            }
            self.heap[at] = below;
            moved(below.slot, at);
            at = child;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::time::{Duration, Instant};

    use proptest::prelude::*;

    use super::*;
    use crate::deadline::Epoch;

    proptest! {
        #[test]
        fn gives_the_soonest_and_loses_none(
            ops in prop::collection::vec((0..50_u32, 0..1000_u64, prop::bool::weighted(0.6)), 1..500),
        ) {
            let epoch = Epoch::new();
            let start = Instant::now();
            let mut expiries = Expiries::new(Global);
            let mut items: HashMap<u32, Item> = HashMap::new();
            let mut places: HashMap<u32, u32> = HashMap::new();
            for (stamp, (slot, ms, insert)) in (0..).zip(ops) {
                let moved = |slot, at| _ = places.insert(slot, at);
                if insert && !items.contains_key(&slot) {
                    let deadline = epoch.deadline(Some(start + Duration::from_millis(ms)));
                    let item = Item { deadline, stamp, slot };
                    items.insert(slot, item);
                    expiries.push(item, moved);
                } else if items.remove(&slot).is_some() {
                    let at = places.remove(&slot).unwrap();
                    let moved = |slot, at| _ = places.insert(slot, at);
                    expiries.remove(at, moved);
                }
                prop_assert_eq!(expiries.first(), items.values().min().copied());
                prop_assert_eq!(expiries.heap.len() as usize, items.len());
                for item in items.values() {
                    prop_assert_eq!(expiries.heap[places[&item.slot]], *item);
                }
            }
        }
    }
}
