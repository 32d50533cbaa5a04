use std::{iter, mem};

use crate::{Class, Meta, Usage};

/// No slot: the end of a list.
pub(crate) const NIL: u32 = u32::MAX;

/// The order of use of the slots of a slab: one doubly linked list per class.
///
/// The links lie apart from the entries, twelve bytes a slot. A hit rewrites the links of up to four
/// slots, and all but one of those belong to entries nobody asked for; kept beside the entries,
/// each would cost a cache line of a store that is larger than the processor's cache.
#[derive(Debug)]
pub(crate) struct Recency {
    links: Vec<Link>,
    lists: [List; Class::COUNT],
}

/// The neighbours of a slot, and the class whose list it is in.
#[derive(Clone, Copy, Debug)]
struct Link {
    newer: u32,
    older: u32,
    class: Class,
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
            lists: [EMPTY; Class::COUNT],
        }
    }

    #[inline]
    pub(crate) fn newest(&self, class: Class) -> Option<u32> {
        some(self.lists[class as usize].newest)
    }

    #[inline]
    pub(crate) fn oldest(&self, class: Class) -> Option<u32> {
        some(self.lists[class as usize].oldest)
    }

    #[inline]
    pub(crate) fn older(&self, slot: u32) -> Option<u32> {
        some(self.links[slot as usize].older)
    }

    #[inline]
    pub(crate) fn newer(&self, slot: u32) -> Option<u32> {
        some(self.links[slot as usize].newer)
    }

    /// The slots of a class, newest first.
    pub(crate) fn iter(&self, class: Class) -> impl Iterator<Item = u32> {
        iter::successors(self.newest(class), |&slot| self.older(slot))
    }

    #[inline]
    pub(crate) fn usage(&self, class: Class) -> Usage {
        self.lists[class as usize].usage
    }

    /// Makes `slot`, which is in no list, the newest of its class.
    pub(crate) fn link(&mut self, slot: u32, meta: &Meta) {
        if slot as usize == self.links.len() {
            self.links.push(Link {
                newer: NIL,
                older: NIL,
                class: meta.class,
            });
        }
        let list = &mut self.lists[meta.class as usize];
        list.usage.entries += 1;
        list.usage.bytes += meta.charge;
        self.push_newest(slot, meta.class);
    }

    /// Takes `slot` out of the list of its class.
    #[inline]
    pub(crate) fn unlink(&mut self, slot: u32, charge: usize) {
        let class = self.detach(slot);
        let list = &mut self.lists[class as usize];
        list.usage.entries -= 1;
        list.usage.bytes -= charge;
    }

    /// Makes `slot` the newest of the class that it is in.
    #[inline]
    pub(crate) fn touch(&mut self, slot: u32) {
        // The newest of its class has nothing newer.
        if self.links[slot as usize].newer != NIL {
            let class = self.detach(slot);
            self.push_newest(slot, class);
        }
    }

    #[inline]
    fn push_newest(&mut self, slot: u32, class: Class) {
        let list = &mut self.lists[class as usize];
        let second = mem::replace(&mut list.newest, slot);
        self.links[slot as usize] = Link {
            newer: NIL,
            older: second,
            class,
        };
        match second {
            NIL => list.oldest = slot,
            second => self.links[second as usize].newer = slot,
        }
    }

    #[inline]
    fn detach(&mut self, slot: u32) -> Class {
        let Link {
            newer,
            older,
            class,
        } = self.links[slot as usize];
        let list = &mut self.lists[class as usize];
        match newer {
            NIL => list.newest = older,
            newer => self.links[newer as usize].older = older,
        }
        match older {
            NIL => list.oldest = newer,
            older => self.links[older as usize].newer = newer,
        }
        class
    }
}

#[inline]
fn some(slot: u32) -> Option<u32> {
    (slot != NIL).then_some(slot)
}
