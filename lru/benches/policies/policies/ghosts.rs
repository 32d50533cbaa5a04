//! What [`GhostClock`](super::GhostClock) remembers of the objects that it evicted: a ghost of four bytes each, in sets
//! of sixteen that fill one cache line. A set is ordered from new to old, so forgetting the oldest takes no bookkeeping.

use crate::zipf::mix;

const WAYS: usize = 16;

/// A set's members, newest first; zero is empty.
///
/// From the low bits: 8 of the stamp, 4 of the epoch, 4 of the count, 1 for the queue, 15 of the fingerprint.
type Set = [u32; WAYS];

/// One evicted object.
#[derive(Clone, Copy)]
pub(super) struct Ghost {
    /// How often the object was asked for, as of `epoch`. Four bits.
    pub(super) count: u8,
    /// Four bits.
    pub(super) epoch: u8,
    pub(super) from_main: bool,
    /// How far the evictions of the object's queue had come.
    pub(super) stamp: u8,
}

pub(super) struct Ghosts {
    sets: Vec<Set>,
    ways: usize,
}

impl Ghosts {
    pub(super) fn new() -> Self {
        Self {
            sets: vec![[0; WAYS]],
            ways: WAYS,
        }
    }

    /// Makes room for so many ghosts. Doubling the sets gives both halves a copy of all members, because a fingerprint
    /// is too short to tell which half a member belongs to. A copy in the wrong half ages there without being found.
    pub(super) fn reserve(&mut self, ghosts: usize) {
        while self.sets.len() * WAYS < ghosts {
            self.sets.extend_from_within(..);
        }
        self.ways = (ghosts.div_ceil(self.sets.len())).clamp(1, WAYS);
    }

    /// Remembers an evicted object, and forgets the oldest ghost of its set.
    pub(super) fn insert(&mut self, id: u32, ghost: Ghost) {
        let (set, fingerprint) = self.locate(id);
        let set = &mut self.sets[set];
        set.copy_within(..self.ways - 1, 1);
        set[0] = fingerprint << 17
            | u32::from(ghost.from_main) << 16
            | u32::from(ghost.count & 15) << 12
            | u32::from(ghost.epoch & 15) << 8
            | u32::from(ghost.stamp);
    }

    /// Finds the ghost of an object, and forgets it.
    pub(super) fn take(&mut self, id: u32) -> Option<Ghost> {
        let (set, fingerprint) = self.locate(id);
        let set = &mut self.sets[set];
        let at = set[..self.ways]
            .iter()
            .position(|&ghost| ghost >> 17 == fingerprint)?;
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

    /// The set of an object, and its fingerprint, which is never zero.
    fn locate(&self, id: u32) -> (usize, u32) {
        let hash = mix(u64::from(id) + 1);
        (
            hash as usize & (self.sets.len() - 1),
            ((hash >> 49) as u32).max(1),
        )
    }
}
