use std::{iter, mem};

use crate::{Class, Meta, Usage};

/// No slot: the end of a list.
pub(crate) const NIL: u32 = u32::MAX;

/// The two lists of a class. A strict LRU uses the first only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Queue {
    Main,
    Window,
}

/// The order of the slots of a slab: doubly linked lists, two per class.
///
/// The links lie apart from the entries, twelve bytes a slot. A move rewrites the links of up to four
/// slots, and all but one of those belong to entries nobody asked for; kept beside the entries,
/// each would cost a cache line of a store that is larger than the processor's cache.
#[derive(Debug)]
pub(crate) struct Recency {
    links: Vec<Link>,
    lists: [List; 2 * Class::COUNT],
}

/// The neighbours of a slot, the list that it is in, and what the policy knows of its entry.
#[derive(Clone, Copy, Debug)]
struct Link {
    newer: u32,
    older: u32,
    list: u8,
    record: Record,
}

/// What a policy knows of an entry besides its place. A strict LRU has no use for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Record {
    /// Times asked for, as of `epoch`.
    pub(crate) count: u8,
    pub(crate) epoch: u8,
    /// Whether it had been evicted not long before it came.
    pub(crate) returned: bool,
}

#[derive(Clone, Copy, Debug)]
struct List {
    newest: u32,
    oldest: u32,
    usage: Usage,
}

impl Recency {
    pub(crate) const fn new() -> Self {
        const EMPTY: List = List {
            newest: NIL,
            oldest: NIL,
            usage: Usage {
                entries: 0,
                bytes: 0,
            },
        };
        Self {
            links: Vec::new(),
            lists: [EMPTY; 2 * Class::COUNT],
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
        some(self.links[slot as usize].older)
    }

    #[inline]
    pub(crate) fn newer(&self, slot: u32) -> Option<u32> {
        some(self.links[slot as usize].newer)
    }

    /// The slots of a class, those of main before those of the window, newest first.
    pub(crate) fn iter(&self, class: Class) -> impl Iterator<Item = u32> {
        [Queue::Main, Queue::Window]
            .into_iter()
            .flat_map(move |queue| {
                iter::successors(self.newest(class, queue), |&slot| self.older(slot))
            })
    }

    /// What one list of a class takes up.
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
        self.links[slot as usize].record
    }

    #[inline]
    pub(crate) fn set_record(&mut self, slot: u32, record: Record) {
        self.links[slot as usize].record = record;
    }

    #[inline]
    pub(crate) fn queue(&self, slot: u32) -> Queue {
        if self.links[slot as usize].list & 1 == 0 {
            Queue::Main
        } else {
            Queue::Window
        }
    }

    /// Makes `slot`, which is in no list, the newest of its class and queue.
    pub(crate) fn link(&mut self, slot: u32, meta: &Meta, queue: Queue) {
        if slot as usize == self.links.len() {
            self.links.push(Link {
                newer: NIL,
                older: NIL,
                list: 0,
                record: Record::default(),
            });
        }
        let at = list(meta.class, queue);
        let list = &mut self.lists[at];
        list.usage.entries += 1;
        list.usage.bytes += meta.charge;
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

    /// Makes `slot` the newest of the list that it is in.
    #[inline]
    pub(crate) fn touch(&mut self, slot: u32) {
        // The newest of its list has nothing newer.
        if self.links[slot as usize].newer != NIL {
            let at = self.detach(slot);
            self.push_newest(slot, at);
        }
    }

    #[inline]
    fn push_newest(&mut self, slot: u32, at: usize) {
        let list = &mut self.lists[at];
        let second = mem::replace(&mut list.newest, slot);
        let link = &mut self.links[slot as usize];
        link.newer = NIL;
        link.older = second;
        link.list = at as u8;
        match second {
            NIL => list.oldest = slot,
            second => self.links[second as usize].newer = slot,
        }
    }

    #[inline]
    fn detach(&mut self, slot: u32) -> usize {
        let Link {
            newer, older, list, ..
        } = self.links[slot as usize];
        let list = usize::from(list);
        match newer {
            NIL => self.lists[list].newest = older,
            newer => self.links[newer as usize].older = older,
        }
        match older {
            NIL => self.lists[list].oldest = newer,
            older => self.links[older as usize].newer = newer,
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
