//! A hash index over slot numbers that grows and shrinks one bucket at a time.
//!
//! A *chunk* is one cache line with up to twelve entries. It holds the slot of each entry and a tag,
//! seven bits of the entry's hash. So a lookup touches a single line before it comes to the entry
//! itself. The idea to keep tags and slots together is from F14 (Bronson and Shi, 2019).
//!
//! The index grows by [linear hashing](crate::linear). A bucket is a chunk and the chunks that overflow
//! from it. Every few inserts, one bucket is split in two, so no insert has to rehash everything.
//! Buckets hold at most six entries on average. Those whose turn to be split has not come yet may hold
//! twelve on average, and some of these overflow into a second chunk.

use wide::u8x16;

use allocator_api2::alloc::{Allocator, Global};

use crate::{
    linear,
    segments::{Blank, Segments},
};

#[derive(Debug)]
#[repr(C)]
pub(crate) struct Index<A: Allocator = Global> {
    buckets: Segments<Chunk, 64, A>,
    /// The mask for [`linear::bucket`].
    mask: u32,
    /// The first chunk in `overflow` that is not in use. The unused chunks are linked.
    unused: u32,
    len: usize,
    /// The chunks that follow those of `buckets`, and unused ones. Never shrinks.
    overflow: Segments<Chunk, 64, A>,
    /// The slots of a bucket while the bucket is split or merged, empty otherwise.
    moving: Vec<u32>,
}

/// The bytes of the index that an entry takes up on average, with one byte for overflow chunks.
pub(crate) const BYTES_PER_ENTRY: usize = size_of::<Chunk>().div_ceil(FILL) + 1;

const WAYS: usize = 12;

/// With more than `FILL` entries to a bucket on average, an insert splits a bucket. With fewer than
/// `FILL_MIN`, a removal merges two.
const FILL: usize = 6;
const FILL_MIN: usize = 4;

/// No chunk follows.
const NONE: u32 = u32::MAX;

#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
struct Chunk {
    /// Twelve tags, [`VACANT`] where there is no entry. The last four bytes are the number of the next
    /// chunk, in `overflow`. Both are in one array, so that one instruction compares all tags.
    head: [u8; 16],
    slots: [u32; WAYS],
}

/// Where a chunk is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum At {
    Bucket(u32),
    Overflow(u32),
}

impl<A: Allocator + Clone> Index<A> {
    pub(crate) fn new(memory: A) -> Self {
        Self {
            buckets: Segments::new(memory.clone()),
            overflow: Segments::new(memory),
            unused: NONE,
            mask: 0,
            len: 0,
            moving: Vec::new(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The first result of `check` among the slots with the tag of this hash.
    #[inline]
    pub(crate) fn find<R>(&self, hash: u64, check: impl Fn(u32) -> Option<R>) -> Option<R> {
        let chunk = self.buckets.get_or_blank(self.home(hash))?;
        let tagged = chunk.tagged(tag(hash));
        // If the entry is present, nearly always the first tagged way has it.
        if tagged != 0
            && let Some(found) = check(chunk.slots[way(tagged)])
        {
            return Some(found);
        }
        if without_first(tagged) == 0 && chunk.next() == NONE {
            return None;
        }
        self.find_further(hash, check)
    }

    /// Checks the tagged ways after the first, which `find` has checked, and the chunks that follow.
    #[inline(never)]
    fn find_further<R>(&self, hash: u64, check: impl Fn(u32) -> Option<R>) -> Option<R> {
        let tag = tag(hash);
        let mut chunk = self.buckets.get_or_blank(self.home(hash))?;
        let mut tagged = chunk.tagged(tag);
        tagged = without_first(tagged);
        loop {
            while tagged != 0 {
                if let Some(found) = check(chunk.slots[way(tagged)]) {
                    return Some(found);
                }
                tagged = without_first(tagged);
            }
            if chunk.next() == NONE {
                return None;
            }
            chunk = &self.overflow[chunk.next()];
            tagged = chunk.tagged(tag);
        }
    }

    /// Adds a slot that is not in the index. `hash_of` returns the hash of a slot in the index.
    pub(crate) fn insert(&mut self, hash: u64, slot: u32, hash_of: impl Fn(u32) -> u64) {
        if self.buckets.len() == 0 {
            self.buckets.push();
        }
        self.put(hash, slot);
        self.len += 1;
        if self.len > FILL * self.buckets.len() as usize {
            self.split(hash_of);
        }
    }

    /// Takes out a slot that is in the index. `hash_of` returns the hash of any other slot in the index.
    pub(crate) fn remove(&mut self, hash: u64, slot: u32, hash_of: impl Fn(u32) -> u64) {
        let (bucket, tag) = (self.home(hash), tag(hash));
        let mut at = At::Bucket(bucket);
        let way = loop {
            let chunk = self.chunk(at);
            if let Some(way) = chunk.way_of(tag, slot) {
                break way;
            }
            if chunk.next() == NONE {
                debug_assert!(false, "slot {slot} is not in the index");
                return;
            }
            at = At::Overflow(chunk.next());
        };
        self.vacate(bucket, at, way);
        self.len -= 1;
        let buckets = self.buckets.len();
        if self.len < FILL_MIN * buckets as usize && buckets > 1 {
            self.merge(hash_of);
        }
    }

    /// Replaces a slot that is in the index by another.
    pub(crate) fn rename(&mut self, hash: u64, from: u32, to: u32) {
        let tag = tag(hash);
        let mut at = At::Bucket(self.home(hash));
        loop {
            let chunk = self.chunk_mut(at);
            if let Some(way) = chunk.way_of(tag, from) {
                chunk.slots[way] = to;
                return;
            }
            if chunk.next() == NONE {
                debug_assert!(false, "slot {from} is not in the index");
                return;
            }
            at = At::Overflow(chunk.next());
        }
    }

    #[inline]
    fn home(&self, hash: u64) -> u32 {
        linear::bucket(hash, self.buckets.len(), self.mask)
    }

    fn chunk(&self, at: At) -> &Chunk {
        match at {
            At::Bucket(at) => &self.buckets[at],
            At::Overflow(at) => &self.overflow[at],
        }
    }

    fn chunk_mut(&mut self, at: At) -> &mut Chunk {
        match at {
            At::Bucket(at) => &mut self.buckets[at],
            At::Overflow(at) => &mut self.overflow[at],
        }
    }

    fn put(&mut self, hash: u64, slot: u32) {
        let mut at = At::Bucket(self.home(hash));
        loop {
            let chunk = self.chunk_mut(at);
            if let Some(way) = chunk.vacant() {
                chunk.head[way] = tag(hash);
                chunk.slots[way] = slot;
                return;
            }
            at = At::Overflow(match chunk.next() {
                NONE => self.append(at),
                next => next,
            });
        }
    }

    /// Appends an empty chunk to the last chunk of a bucket, and returns the number of the new chunk.
    #[cold]
    fn append(&mut self, last: At) -> u32 {
        let new = if self.unused == NONE {
            self.overflow.push()
        } else {
            let new = self.unused;
            self.unused = self.overflow[new].next();
            self.overflow[new] = Chunk::BLANK;
            new
        };
        self.chunk_mut(last).set_next(new);
        new
    }

    fn release(&mut self, chunk: u32) {
        self.overflow[chunk].set_next(self.unused);
        self.unused = chunk;
    }

    /// Vacates a way, and fills it with an entry of the bucket's last chunk, so that the other overflow
    /// chunks stay full. Releases the last chunk if it is empty then.
    fn vacate(&mut self, bucket: u32, hole: At, way: usize) {
        self.chunk_mut(hole).head[way] = VACANT;
        let mut before = At::Bucket(bucket);
        let mut last = self.chunk(before).next();
        if last == NONE {
            return;
        }
        while self.overflow[last].next() != NONE {
            before = At::Overflow(last);
            last = self.overflow[last].next();
        }
        if hole != At::Overflow(last)
            && let Some((tag, slot)) = self.overflow[last].take()
        {
            let hole = self.chunk_mut(hole);
            hole.head[way] = tag;
            hole.slots[way] = slot;
        }
        if self.overflow[last].is_empty() {
            self.chunk_mut(before).set_next(NONE);
            self.release(last);
        }
    }

    #[cold]
    fn split(&mut self, hash_of: impl Fn(u32) -> u64) {
        self.empty(linear::buddy(self.buckets.len()));
        self.buckets.push();
        self.mask = linear::mask(self.buckets.len());
        self.put_moving(hash_of);
    }

    #[cold]
    fn merge(&mut self, hash_of: impl Fn(u32) -> u64) {
        self.empty(self.buckets.len() - 1);
        self.buckets.pop();
        self.mask = linear::mask(self.buckets.len());
        self.put_moving(hash_of);
    }

    /// Takes all entries out of a bucket into `moving`.
    fn empty(&mut self, bucket: u32) {
        let mut chunk = std::mem::replace(&mut self.buckets[bucket], Chunk::BLANK);
        loop {
            let used = chunk.tags().iter().zip(chunk.slots);
            let slots = used
                .filter(|&(&tag, _)| tag != VACANT)
                .map(|(_, slot)| slot);
            self.moving.extend(slots);
            let next = chunk.next();
            if next == NONE {
                return;
            }
            chunk = self.overflow[next];
            self.release(next);
        }
    }

    fn put_moving(&mut self, hash_of: impl Fn(u32) -> u64) {
        while let Some(slot) = self.moving.pop() {
            self.put(hash_of(slot), slot);
        }
    }
}

/// One bit for each way.
const ALL: u32 = (1 << WAYS) - 1;

/// The tag of a way without an entry.
const VACANT: u8 = 0;

/// The tag of a hash: its seven highest bits, and a bit that keeps the tag from being [`VACANT`].
#[inline]
fn tag(hash: u64) -> u8 {
    (hash >> 57) as u8 | 0x80
}

/// The first of the ways that [`Chunk::tagged`] found.
#[inline]
fn way(tagged: u32) -> usize {
    tagged.trailing_zeros() as usize
}

/// The ways without the first.
#[inline]
fn without_first(tagged: u32) -> u32 {
    tagged & tagged.wrapping_sub(1)
}

impl Blank for Chunk {
    const BLANK: Self = {
        let [a, b, c, d] = NONE.to_ne_bytes();
        Self {
            head: [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, a, b, c, d],
            slots: [0; WAYS],
        }
    };
}

impl Chunk {
    #[inline]
    fn next(&self) -> u32 {
        let [.., a, b, c, d] = self.head;
        u32::from_ne_bytes([a, b, c, d])
    }

    fn set_next(&mut self, next: u32) {
        self.head[WAYS..].copy_from_slice(&next.to_ne_bytes());
    }

    fn tags(&self) -> &[u8] {
        &self.head[..WAYS]
    }

    /// The ways with this tag, as one bit each.
    #[inline]
    fn tagged(&self, tag: u8) -> u32 {
        let same = u8x16::new(self.head).simd_eq(u8x16::splat(tag));
        same.to_bitmask() & ALL
    }

    #[inline]
    fn vacant(&self) -> Option<usize> {
        let vacant = self.tagged(VACANT);
        (vacant != 0).then(|| way(vacant))
    }

    /// The way of an entry with this tag.
    #[inline]
    fn way_of(&self, tag: u8, slot: u32) -> Option<usize> {
        let mut tagged = self.tagged(tag);
        while tagged != 0 {
            if self.slots[way(tagged)] == slot {
                return Some(way(tagged));
            }
            tagged = without_first(tagged);
        }
        None
    }

    /// Takes out an entry: its tag and its slot.
    fn take(&mut self) -> Option<(u8, u32)> {
        let way = self.tags().iter().position(|&tag| tag != VACANT)?;
        let tag = std::mem::replace(&mut self.head[way], VACANT);
        Some((tag, self.slots[way]))
    }

    fn is_empty(&self) -> bool {
        self.tagged(VACANT) == ALL
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, collections::HashMap};

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_chunk_is_one_cache_line() {
        assert_eq!((size_of::<Chunk>(), align_of::<Chunk>()), (64, 64));
    }

    /// Few enough values for collisions in every part of the hash.
    fn hash(n: u32) -> u64 {
        u64::from(n % 700).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }

    fn check(index: &Index, slots: &HashMap<u32, u64>) {
        assert_eq!(index.len(), slots.len());
        for (&slot, &hash) in slots {
            assert_eq!(
                index.find(hash, |found| (found == slot).then_some(found)),
                Some(slot)
            );
        }
        let buckets = index.buckets.len() as usize;
        assert!(index.len() <= FILL * buckets);
        assert!(index.len() >= FILL_MIN * buckets || buckets <= 1);
    }

    proptest! {
        #[test]
        fn agrees_with_a_map(ops in prop::collection::vec((0..2000_u32, 0..8_u8), 1..4000)) {
            let mut index = Index::new(Global);
            let mut slots = HashMap::new();
            // Most cases grow first and then shrink.
            let turn = ops.len() / 2;
            for (n, (slot, kind)) in ops.into_iter().enumerate() {
                let inserts = if n < turn { kind > 0 } else { kind == 0 };
                let known = slots.get(&slot).copied();
                match (known, inserts) {
                    (None, true) => {
                        slots.insert(slot, hash(slot));
                        index.insert(hash(slot), slot, hash);
                    }
                    (Some(hashed), false) => {
                        slots.remove(&slot);
                        index.remove(hashed, slot, hash);
                        prop_assert_eq!(index.find(hashed, |found| (found == slot).then_some(found)), None);
                    }
                    (Some(hashed), true) => {
                        let seen = Cell::new(0);
                        index.find(hashed, |found| {
                            seen.set(seen.get() + u32::from(found == slot));
                            None::<()>
                        });
                        prop_assert_eq!(seen.get(), 1);
                    }
                    (None, false) => {}
                }
            }
            check(&index, &slots);
        }
    }

    #[test]
    fn chunks_that_overflowed_are_used_again() {
        let mut index = Index::new(Global);
        for round in 0..10 {
            for slot in 0..500 {
                index.insert(0, slot, |_| 0);
            }
            for slot in 0..500 {
                index.remove(0, slot, |_| 0);
            }
            assert!(index.overflow.len() <= 45, "round {round}");
        }
        assert_eq!(index.len(), 0);
    }

    #[test]
    fn a_slot_can_be_renamed() {
        let mut index = Index::new(Global);
        (0..100).for_each(|slot| index.insert(hash(slot), slot, hash));
        index.rename(hash(7), 7, 1000);
        assert_eq!(
            index.find(hash(7), |slot| (slot == 7).then_some(slot)),
            None
        );
        assert_eq!(
            index.find(hash(7), |slot| (slot == 1000).then_some(slot)),
            Some(1000)
        );
    }
}
