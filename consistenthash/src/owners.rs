//! The walk around the ring that meets each member once.

use std::fmt;
use std::iter::FusedIterator;

use crate::seats::Seats;
use crate::walk::Walk;

/// Distinct members in ring order; see [`Ring::owners`](crate::Ring::owners).
pub struct Owners<'a, M> {
    walk: Walk<'a>,
    seats: &'a Seats,
    members: &'a [M],
    /// How many members are still to come.
    left: usize,
    seen: Seen,
}

impl<'a, M> Owners<'a, M> {
    pub(crate) fn new(walk: Walk<'a>, seats: &'a Seats, members: &'a [M], owning: usize) -> Self {
        Self {
            walk,
            seats,
            members,
            left: owning,
            seen: Seen::default(),
        }
    }
}

impl<'a, M> Iterator for Owners<'a, M> {
    type Item = &'a M;

    fn next(&mut self) -> Option<&'a M> {
        if self.left == 0 {
            return None;
        }
        // `left` counts unseen members that own a point, so the loop ends within one round.
        loop {
            let owner = self.seats.member(self.walk.step().seat());
            if self.seen.insert(owner, self.members.len()) {
                self.left -= 1;
                return Some(&self.members[owner]);
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl<M> ExactSizeIterator for Owners<'_, M> {}
impl<M> FusedIterator for Owners<'_, M> {}

impl<M> fmt::Debug for Owners<'_, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Owners")
            .field("left", &self.left)
            .finish_non_exhaustive()
    }
}

/// A set of member indices: a list of up to [`LIST`](Self::LIST), a bitmap for more.
#[derive(Default)]
struct Seen {
    list: [u32; Self::LIST],
    len: usize,
    bitmap: Vec<u64>,
}

impl Seen {
    /// The length of the list. Most walks take two or three owners and should not pay for an
    /// allocation.
    const LIST: usize = 8;

    /// Adds the index `member`, less than `members`, and returns whether it was new.
    fn insert(&mut self, member: usize, members: usize) -> bool {
        if self.bitmap.is_empty() {
            if self.list[..self.len].contains(&(member as u32)) {
                return false;
            }
            if self.len < Self::LIST {
                self.list[self.len] = member as u32;
                self.len += 1;
                return true;
            }
            self.bitmap = vec![0; members.div_ceil(64)];
            for listed in self.list {
                self.bitmap[listed as usize / 64] |= 1 << (listed % 64);
            }
        }
        let (word, bit) = (&mut self.bitmap[member / 64], 1 << (member % 64));
        let new = *word & bit == 0;
        *word |= bit;
        new
    }
}
