//! What [`GhostClock`](crate::ghost_clock::GhostClock) remembers of the entries that it evicted: a
//! ghost of four bytes each, in sets of sixteen that fill one cache line. A set is ordered from new to
//! old, so that forgetting the oldest takes no bookkeeping.

use allocator_api2::alloc::{Allocator, Global};

use crate::{
    linear,
    segments::{Blank, Segments},
};

const WAYS: usize = 16;

/// A set's members, newest first; zero is empty.
///
/// From the low bits: 8 of the stamp, 4 of the epoch, 4 of the count, 1 for the queue, 15 of the
/// fingerprint.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
struct Set([u32; WAYS]);

impl Blank for Set {
    const BLANK: Self = Self([0; WAYS]);
}

/// One evicted entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ghost {
    /// How often the entry was asked for, as of `epoch`. Four bits.
    pub(crate) count: u8,
    /// Four bits.
    pub(crate) epoch: u8,
    pub(crate) from_main: bool,
    /// How far the evictions of the entry's queue had come.
    pub(crate) stamp: u8,
}

#[derive(Debug)]
pub(crate) struct Ghosts<A: Allocator = Global> {
    /// The number of sets approaches a power of two, by [linear hashing](crate::linear).
    sets: Segments<Set, 64, A>,
    /// How many members of a set are in use. Bounds the number of ghosts between powers of two.
    ways: usize,
}

/// The bytes that the ghosts of an entry take up, halfway between two powers of two of sets.
pub(crate) const fn bytes_per_entry(ghosts: usize) -> usize {
    ghosts * size_of::<u32>() * 3 / 2
}

/// How many sets one call of `reserve` adds or drops at most.
const SPLITS: usize = 4;

impl<A: Allocator + Clone> Ghosts<A> {
    pub(crate) fn new(memory: A) -> Self {
        Self {
            sets: Segments::new(memory),
            ways: WAYS,
        }
    }

    /// Makes room for so many ghosts, or takes a step towards it, and forgets the oldest beyond.
    ///
    /// A split gives both halves a copy of all members, because a fingerprint is too short to tell
    /// which half a member belongs to. A copy in the wrong half ages there without being found.
    pub(crate) fn reserve(&mut self, ghosts: usize) {
        let goal = ghosts.div_ceil(WAYS).next_power_of_two();
        for _ in 0..SPLITS {
            let sets = self.sets.len() as usize;
            if sets < goal {
                let new = self.sets.push();
                self.sets[new] = self.sets[linear::buddy(new)];
            } else if sets > 2 * goal {
                self.sets.pop();
            } else {
                break;
            }
        }
        self.ways = ghosts.div_ceil(self.sets.len() as usize).clamp(1, WAYS);
    }

    /// Remembers an evicted entry by its hash, and forgets the oldest ghost of its set.
    pub(crate) fn insert(&mut self, hash: u64, ghost: Ghost) {
        let ways = self.ways;
        let Some(set) = self.set(hash) else { return };
        set.copy_within(..ways - 1, 1);
        set[0] = fingerprint(hash) << 17
            | u32::from(ghost.from_main) << 16
            | u32::from(ghost.count & 15) << 12
            | u32::from(ghost.epoch & 15) << 8
            | u32::from(ghost.stamp);
    }

    /// Finds the ghost of an entry, and forgets it.
    pub(crate) fn take(&mut self, hash: u64) -> Option<Ghost> {
        let ways = self.ways;
        let set = self.set(hash)?;
        let same = with_fingerprint(set, fingerprint(hash));
        let at = same.trailing_zeros() as usize;
        if at >= ways {
            return None;
        }
        let ghost = set[at];
        set.copy_within(at + 1.., at);
        set[WAYS - 1] = 0;
        Some(Ghost {
            count: (ghost >> 12 & 15) as u8,
            epoch: (ghost >> 8 & 15) as u8,
            from_main: ghost >> 16 & 1 == 1,
            stamp: ghost as u8,
        })
    }

    fn set(&mut self, hash: u64) -> Option<&mut [u32; WAYS]> {
        let sets = self.sets.len();
        if sets == 0 {
            return None;
        }
        Some(&mut self.sets[linear::bucket(hash, sets, linear::mask(sets))].0)
    }
}

/// The members of a set with this fingerprint, as one bit each. Looks at all of them, as the compiler then compares several at once.
#[inline]
fn with_fingerprint(set: &[u32; WAYS], fingerprint: u32) -> u32 {
    let same = |(at, ghost): (usize, &u32)| u32::from(ghost >> 17 == fingerprint) << at;
    set.iter()
        .enumerate()
        .map(same)
        .fold(0, |all, one| all | one)
}

/// The fingerprint of a hash: fifteen bits, never zero. They pick neither the set nor the shard, except
/// that a cache with 1024 shards uses one of them.
fn fingerprint(hash: u64) -> u32 {
    ((hash >> 49) as u32).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GHOST: Ghost = Ghost {
        count: 13,
        epoch: 9,
        from_main: true,
        stamp: 200,
    };

    fn hash(n: u64) -> u64 {
        n.wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }

    #[test]
    fn a_ghost_is_found_once_and_as_it_was() {
        let mut ghosts = Ghosts::new(Global);
        assert_eq!(ghosts.take(hash(1)), None);
        ghosts.reserve(100);
        ghosts.insert(hash(1), GHOST);
        assert_eq!(ghosts.take(hash(2)), None);
        assert_eq!(ghosts.take(hash(1)), Some(GHOST));
        assert_eq!(ghosts.take(hash(1)), None);
    }

    #[test]
    fn growth_forgets_nothing() {
        let mut ghosts = Ghosts::new(Global);
        (0..100).for_each(|_| ghosts.reserve(1600));
        (0..100).for_each(|n| ghosts.insert(hash(n), GHOST));
        for _ in 0..100_000 / WAYS {
            ghosts.reserve(100_000);
        }
        assert!((0..100).all(|n| ghosts.take(hash(n)).is_some()));
    }

    #[test]
    fn the_oldest_of_a_set_is_forgotten_first() {
        let mut ghosts = Ghosts::new(Global);
        ghosts.reserve(10);
        let hash = |n: u64| (n + 1) << 49;
        (0..11).for_each(|n| ghosts.insert(hash(n), GHOST));
        assert_eq!(ghosts.take(hash(0)), None);
        assert!((1..11).all(|n| ghosts.take(hash(n)).is_some()));
    }
}
