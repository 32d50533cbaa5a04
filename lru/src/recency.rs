use std::{iter, mem};

use allocator_api2::alloc::{Allocator, Global};

use crate::{
    Class, Usage,
    segments::{Blank, Segments},
};

/// No slot: the end of a list.
pub(crate) const NIL: u32 = u32::MAX;

/// The two lists of a class. A strict LRU uses the first only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Queue {
    Main,
    Window,
}

/// The order of the slots of a slab: doubly linked lists, two per class, and one of vacant slots.
///
/// The links lie apart from the entries, twelve bytes a slot. A move rewrites the links of up to four
/// slots, and all but one of these slots belong to entries that were not asked for. If the links lay
/// beside the entries, each rewrite would cost a cache miss in a store larger than the cache.
#[derive(Debug)]
pub(crate) struct Recency<A: Allocator = Global> {
    links: Segments<Link, 1024, A>,
    lists: [List; LISTS],
}

/// The list of slots without an entry.
const VACANT: usize = 2 * Class::COUNT;

const LISTS: usize = VACANT + 1;

/// The bytes that the links of a slot take up.
pub(crate) const BYTES_PER_ENTRY: usize = size_of::<Link>();

/// The neighbours of a slot, and the rest.
#[derive(Clone, Copy, Debug)]
struct Link {
    newer: u32,
    older: u32,
    rest: Rest,
}

/// The list that a slot is in, the policy's record of the entry, and the high bits of the entry's hash, in one word. From the low
/// bits: 4 for the list, 1 whether the entry has returned, 4 of the count, 4 of the epoch, and 15 of the hash.
#[derive(Clone, Copy, Debug)]
struct Rest(u32);

const LIST: u32 = 0b1111;
const RETURNED: u32 = 1 << 4;
const COUNT: u32 = 5;
const EPOCH: u32 = 9;
const RECORD: u32 = 0x1ff << 4;
const HASH: u32 = 13;

/// The bits of a hash that the index and the ghosts look at besides the low half.
const HIGH: u32 = u64::BITS - 15;

impl Rest {
    const VACANT: Self = Self(VACANT as u32);

    #[inline]
    fn list(self) -> usize {
        (self.0 & LIST) as usize
    }

    #[inline]
    fn set_list(&mut self, list: usize) {
        self.0 = self.0 & !LIST | list as u32;
    }

    #[inline]
    fn record(self) -> Record {
        Record {
            count: (self.0 >> COUNT & 15) as u8,
            epoch: (self.0 >> EPOCH & 15) as u8,
            returned: self.0 & RETURNED != 0,
        }
    }

    #[inline]
    fn set_record(&mut self, record: Record) {
        let Record {
            count,
            epoch,
            returned,
        } = record;
        debug_assert!(count < 16, "a count has four bits");
        let returned = if returned { RETURNED } else { 0 };
        let record = u32::from(count & 15) << COUNT | u32::from(epoch & 15) << EPOCH | returned;
        self.0 = self.0 & !RECORD | record;
    }
}

impl Blank for Link {
    const BLANK: Self = Self {
        newer: NIL,
        older: NIL,
        rest: Rest::VACANT,
    };
}

/// What the policy knows of an entry besides its place. A strict LRU does not use records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Record {
    /// How often the entry was asked for, as of `epoch`.
    pub(crate) count: u8,
    /// Four bits, as of the count.
    pub(crate) epoch: u8,
    /// Whether the entry had a ghost when it was inserted.
    pub(crate) returned: bool,
}

#[derive(Clone, Copy, Debug)]
struct List {
    newest: u32,
    oldest: u32,
    usage: Usage,
}

impl<A: Allocator + Clone> Recency<A> {
    pub(crate) fn new(memory: A) -> Self {
        const EMPTY: List = List {
            newest: NIL,
            oldest: NIL,
            usage: Usage {
                entries: 0,
                bytes: 0,
            },
        };
        Self {
            links: Segments::new(memory),
            lists: [EMPTY; LISTS],
        }
    }

    #[inline]
    pub(crate) fn oldest(&self, class: Class, queue: Queue) -> Option<u32> {
        some(self.lists[list(class, queue)].oldest)
    }

    #[inline]
    pub(crate) fn newest(&self, class: Class, queue: Queue) -> Option<u32> {
        some(self.lists[list(class, queue)].newest)
    }

    #[inline]
    pub(crate) fn older(&self, slot: u32) -> Option<u32> {
        some(self.links[slot].older)
    }

    #[inline]
    pub(crate) fn newer(&self, slot: u32) -> Option<u32> {
        some(self.links[slot].newer)
    }

    /// The slots of a class: those of main, then those of the window, each newest first.
    pub(crate) fn iter(&self, class: Class) -> impl Iterator<Item = u32> {
        [Queue::Main, Queue::Window]
            .into_iter()
            .flat_map(move |queue| {
                iter::successors(self.newest(class, queue), |&slot| self.older(slot))
            })
    }

    /// The entries and bytes in one list of a class.
    #[inline]
    pub(crate) fn usage_of(&self, class: Class, queue: Queue) -> Usage {
        self.lists[list(class, queue)].usage
    }

    #[inline]
    pub(crate) fn usage(&self, class: Class) -> Usage {
        self.usage_of(class, Queue::Main) + self.usage_of(class, Queue::Window)
    }

    #[inline]
    pub(crate) fn record(&self, slot: u32) -> Record {
        self.links[slot].rest.record()
    }

    #[inline]
    pub(crate) fn set_record(&mut self, slot: u32, record: Record) {
        self.links[slot].rest.set_record(record);
    }

    /// The bits of an entry's hash that are kept here, where they are in the hash.
    #[inline]
    pub(crate) fn high_hash(&self, slot: u32) -> u64 {
        u64::from(self.links[slot].rest.0 >> HASH) << HIGH
    }

    #[inline]
    pub(crate) fn queue(&self, slot: u32) -> Queue {
        if self.links[slot].rest.list() & 1 == 0 {
            Queue::Main
        } else {
            Queue::Window
        }
    }

    /// The number of slots, vacant ones included.
    #[inline]
    pub(crate) fn slots(&self) -> u32 {
        self.links.len()
    }

    /// Takes a slot without an entry out of the vacant list, the one vacated last, or makes a new slot.
    /// The slot is in no list afterwards.
    pub(crate) fn take_vacant(&mut self) -> u32 {
        if let Some(slot) = some(self.lists[VACANT].newest) {
            self.unlink(slot, 0);
            return slot;
        }
        self.links.push()
    }

    /// Whether the slot is without an entry.
    fn is_vacant(&self, slot: u32) -> bool {
        self.links[slot].rest.list() == VACANT
    }

    /// Gives up the last slot. If that slot has an entry, moves the entry to a vacant slot, which must
    /// exist, and returns that slot.
    pub(crate) fn pop(&mut self) -> Option<u32> {
        let last = self.slots().checked_sub(1)?;
        let to = if self.is_vacant(last) {
            self.unlink(last, 0);
            None
        } else {
            let to = self.take_vacant();
            self.substitute(last, to);
            Some(to)
        };
        self.links.pop();
        to
    }

    /// Lets `to`, which is in no list, take the place of `from` in its list.
    fn substitute(&mut self, from: u32, to: u32) {
        let link = self.links[from];
        self.links[to] = link;
        let list = &mut self.lists[link.rest.list()];
        match link.newer {
            NIL => list.newest = to,
            newer => self.links[newer].older = to,
        }
        match link.older {
            NIL => list.oldest = to,
            older => self.links[older].newer = to,
        }
    }

    /// Makes `slot`, which is in no list, the newest of its class and queue, with an entry of this record and hash.
    #[inline]
    pub(crate) fn enter(
        &mut self,
        slot: u32,
        class: Class,
        charge: usize,
        queue: Queue,
        record: Record,
        hash: u64,
    ) {
        let mut rest = Rest(((hash >> HIGH) as u32) << HASH);
        rest.set_record(record);
        self.links[slot].rest = rest;
        self.link(slot, class, charge, queue);
    }

    /// Takes `slot` out of its list into the list of vacant slots. Returns the record of its entry.
    #[inline]
    pub(crate) fn leave(&mut self, slot: u32, charge: usize) -> Record {
        self.unlink(slot, charge);
        self.push(slot, VACANT, 0);
        self.record(slot)
    }

    /// Makes `slot`, which is in no list, the newest of its class and queue.
    #[inline]
    pub(crate) fn link(&mut self, slot: u32, class: Class, charge: usize, queue: Queue) {
        self.push(slot, list(class, queue), charge);
    }

    #[inline]
    fn push(&mut self, slot: u32, at: usize, charge: usize) {
        let list = &mut self.lists[at];
        list.usage.entries += 1;
        list.usage.bytes += charge;
        self.push_newest(slot, at);
    }

    /// Takes `slot` out of its list.
    #[inline]
    pub(crate) fn unlink(&mut self, slot: u32, charge: usize) {
        let at = self.detach(slot);
        let list = &mut self.lists[at];
        list.usage.entries -= 1;
        list.usage.bytes -= charge;
    }

    /// Changes the charge of the entry in `slot`.
    #[inline]
    pub(crate) fn recharge(&mut self, slot: u32, old: usize, new: usize) {
        let list = &mut self.lists[self.links[slot].rest.list()];
        list.usage.bytes = list.usage.bytes - old + new;
    }

    /// Makes `slot` the newest of the list that it is in.
    #[inline]
    pub(crate) fn touch(&mut self, slot: u32) {
        // The newest of its list has nothing newer.
        if self.links[slot].newer != NIL {
            let at = self.detach(slot);
            self.push_newest(slot, at);
        }
    }

    #[inline]
    fn push_newest(&mut self, slot: u32, at: usize) {
        let list = &mut self.lists[at];
        let second = mem::replace(&mut list.newest, slot);
        let link = &mut self.links[slot];
        link.newer = NIL;
        link.older = second;
        link.rest.set_list(at);
        match second {
            NIL => list.oldest = slot,
            second => self.links[second].newer = slot,
        }
    }

    #[inline]
    fn detach(&mut self, slot: u32) -> usize {
        let Link { newer, older, rest } = self.links[slot];
        let list = rest.list();
        match newer {
            NIL => self.lists[list].newest = older,
            newer => self.links[newer].older = older,
        }
        match older {
            NIL => self.lists[list].oldest = newer,
            older => self.links[older].newer = newer,
        }
        list
    }
}

#[inline]
fn list(class: Class, queue: Queue) -> usize {
    2 * class as usize + queue as usize
}

#[inline]
fn some(slot: u32) -> Option<u32> {
    (slot != NIL).then_some(slot)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_and_record_take_twelve_bytes() {
        assert_eq!(size_of::<Link>(), 12);
    }
}
