use std::{cmp::Reverse, collections::BinaryHeap, time::Instant};

/// The entries that expire, soonest first.
///
/// A binary heap with lazy deletion. An entry that leaves the store before its time stays behind in
/// the heap as a stale item, told apart by its stamp, until it comes to the top or until stale
/// items outnumber the valid ones; then all of them are swept out at once. So the heap never holds
/// more than twice as many items as entries that expire (and a small constant), a push of the
/// common kind, later than all before it, is constant, and leaving costs nothing.
///
/// What else was considered: a heap in which each entry knows its place needs no sweeping, but
/// every step of a sift then writes to an entry somewhere else in memory, on every eviction. A
/// timing wheel is constant throughout, but reclaims by the tick of its finest wheel and has to be
/// turned; this store has neither ticks nor a thread to turn it.
#[derive(Debug)]
pub(crate) struct Expiries {
    heap: BinaryHeap<Reverse<Item>>,
    /// Entries in the store that expire: the valid items of the heap.
    live: usize,
}

/// When, and the stamp that the entry in the slot must bear for the item to be valid. Of entries
/// that expire at the same instant the one that came first is the first to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Item {
    pub(crate) at: Instant,
    pub(crate) stamp: u32,
    pub(crate) slot: u32,
}

/// Stale items that are not worth a sweep.
const SLACK: usize = 64;

impl Expiries {
    pub(crate) const fn new() -> Self {
        Self {
            heap: BinaryHeap::new(),
            live: 0,
        }
    }

    /// Whether no entry in the store expires.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.live == 0
    }

    /// Records that an entry which expires has come.
    #[inline]
    pub(crate) fn push(&mut self, item: Item) {
        self.live += 1;
        self.heap.push(Reverse(item));
    }

    /// Records that an entry which expires has left. Its item becomes stale.
    #[inline]
    pub(crate) fn forget(&mut self) {
        self.live -= 1;
    }

    /// Sweeps stale items out if they have become too many.
    #[inline]
    pub(crate) fn tidy(&mut self, valid: impl Fn(&Item) -> bool) {
        if self.heap.len() > 2 * self.live + SLACK {
            self.heap.retain(|Reverse(item)| valid(item));
            self.heap.shrink_to(2 * self.heap.len() + SLACK);
        }
    }

    /// The slot of an entry whose time has passed at `now`. The caller has to take it out.
    pub(crate) fn due(&mut self, now: Instant, valid: impl Fn(&Item) -> bool) -> Option<u32> {
        while let Some(Reverse(item)) = self.heap.peek().copied() {
            if item.at > now {
                break;
            }
            self.heap.pop();
            if valid(&item) {
                return Some(item.slot);
            }
        }
        None
    }

    #[cfg(test)]
    pub(crate) fn heap_len(&self) -> usize {
        self.heap.len()
    }
}
