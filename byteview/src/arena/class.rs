//! The extents of one size class.

use super::extent::{Extent, LEVELS, Place, Taken};

/// The extents whose blocks have one size, listed by how full they are.
///
/// Blocks are taken from the fullest, so that the emptiest become empty by themselves, or cost little to move.
#[derive(Debug)]
pub(super) struct Class {
    pub(super) size: usize,
    extents: Vec<Option<Extent>>,
    /// Numbers in `extents` that are not in use.
    vacant: Vec<u32>,
    levels: [Vec<u32>; LEVELS],
    /// Extents that may have idle pages.
    noted: Vec<u32>,
    /// The free blocks of listed extents.
    room: usize,
    /// The extent whose entries are being moved, and the number of the block that is next.
    moving: Option<(u32, u32)>,
    /// The blocks that the store keeps.
    pub(super) held: usize,
}

/// Extents this full or fuller are not worth a move.
const FULL_ENOUGH: usize = LEVELS - 1;

/// What has changed when a block was freed.
pub(super) struct Freed {
    /// By how much the pinned bytes grow.
    pub(super) pinned: isize,
    /// The extent, if it has become empty. The class does not have it any more.
    pub(super) emptied: Option<Extent>,
}

impl Class {
    pub(super) fn new(size: usize) -> Self {
        Self {
            size,
            extents: Vec::new(),
            vacant: Vec::new(),
            levels: Default::default(),
            noted: Vec::new(),
            room: 0,
            moving: None,
            held: 0,
        }
    }

    /// Takes a block of the fullest extent that has one.
    #[inline]
    pub(super) fn take(&mut self) -> Option<Taken> {
        let number = *self.levels.iter().rev().find_map(|level| level.last())?;
        let taken = self.extent(number)?.take()?;
        self.held += 1;
        self.room -= 1;
        self.list(number);
        Some(taken)
    }

    /// Adds an empty extent, and returns its number.
    pub(super) fn add(&mut self, base: usize) -> u32 {
        let number = self.vacant.pop().unwrap_or_else(|| {
            self.extents.push(None);
            self.extents.len() as u32 - 1
        });
        self.extents[number as usize] = Some(Extent::new(base, self.size));
        self.list(number);
        number
    }

    /// Notes that the store has left a block that has other users. Returns by how much the pinned bytes grow.
    pub(super) fn leave(&mut self, number: u32, block: usize) -> isize {
        self.held -= 1;
        self.extent(number).map_or(0, |extent| extent.leave(block))
    }

    /// Frees a block, which the store has left before or is the last user of.
    #[inline]
    pub(super) fn free(&mut self, number: u32, block: usize, was_left: bool) -> Freed {
        self.held -= usize::from(!was_left);
        let mut freed = Freed {
            pinned: 0,
            emptied: None,
        };
        let Some(extent) = self.extent(number) else {
            debug_assert!(false, "a block is in an extent");
            return freed;
        };
        freed.pinned = extent.free(block, was_left);
        let (is_listed, is_empty) = (extent.place != Place::Unlisted, extent.is_empty());
        let notes = extent.noted.is_none() && extent.has_idle_at(block);
        self.room += usize::from(is_listed);
        if is_empty {
            freed.emptied = self.withdraw(number);
            return freed;
        }
        if notes {
            self.note(number);
        }
        if self.moving.is_none_or(|(moving, _)| moving != number) {
            self.list(number);
        }
        freed
    }

    fn extent(&mut self, number: u32) -> Option<&mut Extent> {
        self.extents.get_mut(number as usize)?.as_mut()
    }

    fn withdraw(&mut self, number: u32) -> Option<Extent> {
        self.unlist(number);
        self.unnote(number);
        if self.moving.is_some_and(|(moving, _)| moving == number) {
            self.moving = None;
        }
        self.vacant.push(number);
        self.extents[number as usize].take()
    }

    /// Puts an extent into the list of its level.
    #[inline]
    fn list(&mut self, number: u32) {
        let Some(extent) = self.extents[number as usize].as_mut() else {
            return;
        };
        let level = extent.level();
        let listed = match extent.place {
            Place::Level { level, .. } => Some(level),
            Place::Unlisted => None,
        };
        if level == listed {
            return;
        }
        self.unlist(number);
        if let (Some(level), Some(extent)) = (level, self.extents[number as usize].as_mut()) {
            let list = &mut self.levels[usize::from(level)];
            let at = list.len() as u32;
            self.room += extent.free_blocks();
            extent.place = Place::Level { level, at };
            list.push(number);
        }
    }

    /// Takes an extent out of its list.
    fn unlist(&mut self, number: u32) {
        let Some(extent) = self.extents[number as usize].as_mut() else {
            return;
        };
        let Place::Level { level, at } = extent.place else {
            return;
        };
        extent.place = Place::Unlisted;
        self.room -= extent.free_blocks();
        let list = &mut self.levels[usize::from(level)];
        list.swap_remove(at as usize);
        if let Some(&last) = list.get(at as usize)
            && let Some(moved) = self.extents[last as usize].as_mut()
        {
            moved.place = Place::Level { level, at };
        }
    }

    /// Notes that an extent may have idle pages.
    fn note(&mut self, number: u32) {
        let at = self.noted.len() as u32;
        if let Some(extent) = self.extent(number) {
            extent.noted = Some(at);
            self.noted.push(number);
        }
    }

    fn unnote(&mut self, number: u32) {
        let Some(at) = self.extent(number).and_then(|extent| extent.noted.take()) else {
            return;
        };
        self.noted.swap_remove(at as usize);
        if let Some(&last) = self.noted.get(at as usize)
            && let Some(moved) = self.extent(last)
        {
            moved.noted = Some(at);
        }
    }

    /// How many extents may have idle pages.
    pub(super) fn noted(&self) -> usize {
        self.noted.len()
    }

    /// Passes the address and the idle pages of an extent that has some to `give`, which says whether the system has taken them. Returns
    /// how many pages it has taken, and `None` if no extent has any.
    pub(super) fn give_back_idle(
        &mut self,
        give: impl FnOnce(usize, u64) -> bool,
    ) -> Option<usize> {
        while let Some(&number) = self.noted.last() {
            self.unnote(number);
            let extent = self.extents[number as usize].as_mut()?;
            let idle = extent.idle();
            if idle == 0 {
                continue;
            }
            if !give(extent.base, idle) {
                return Some(0);
            }
            extent.given_back(idle);
            return Some(idle.count_ones() as usize);
        }
        None
    }

    /// How full the emptiest extent is, in eighths, if it is worth a move: the others have room for what it holds. One whose move has
    /// begun counts as empty.
    pub(super) fn emptiest(&self) -> Option<usize> {
        if self.moving.is_some() {
            return Some(0);
        }
        let mut worth = self.levels.iter().take(FULL_ENOUGH);
        let level = worth.position(|level| !level.is_empty())?;
        let number = *self.levels[level].last()?;
        let extent = self.extents[number as usize].as_ref()?;
        let elsewhere = self.room - extent.free_blocks();
        (extent.blocks_in_use() <= elsewhere).then_some(level)
    }

    /// Offers blocks of the emptiest extent to `share`, until it says that it has enough. Nothing is put into this extent until one of its
    /// blocks is freed after all have been offered.
    pub(super) fn next_to_move(&mut self, mut share: impl FnMut(usize) -> bool) {
        let (number, from) = match self.moving.take() {
            Some(moving) => moving,
            None => {
                let level = self.emptiest().and_then(|level| self.levels.get(level));
                let Some(&number) = level.and_then(|level| level.last()) else {
                    return;
                };
                self.unlist(number);
                (number, 0)
            }
        };
        let Some(extent) = self.extent(number) else {
            return;
        };
        let last = extent.in_use(from).find(|&(block, _)| share(block));
        self.moving = last.map(|(_, next)| (number, next));
    }
}

#[cfg(test)]
mod tests {
    use super::super::sizes::{EXTENT, PAGE};
    use super::*;

    /// All blocks of a class with one extent, and the bytes of the pages that they touch first.
    fn take_all(class: &mut Class) -> (Vec<usize>, usize) {
        let mut fresh = 0;
        let taken = std::iter::from_fn(|| {
            let taken = class.take()?;
            fresh += taken.fresh;
            Some(taken.block)
        });
        (taken.collect(), fresh)
    }

    #[test]
    fn no_note_of_an_extent_outlives_it() {
        let mut class = Class::new(2 * PAGE);
        for base in [8 * EXTENT, 9 * EXTENT, 10 * EXTENT] {
            class.add(base);
        }
        let blocks = take_all(&mut class).0;
        let number = |block: usize| (block / EXTENT - 8) as u32;
        let (ends, others): (Vec<_>, Vec<_>) =
            blocks.into_iter().partition(|&block| number(block) == 1);
        for &block in others.iter().step_by(2).chain(&ends) {
            class.free(number(block), block, false);
        }
        assert_eq!(class.noted(), 2, "the one that has become empty is gone");
        let mut offered = Vec::new();
        while let Some(pages) = class.give_back_idle(|base, _| {
            offered.push(base / EXTENT);
            true
        }) {
            assert!(pages > 0);
        }
        offered.sort_unstable();
        assert_eq!(offered, [8, 10]);
    }

    #[test]
    fn pages_count_as_given_back_only_if_the_system_has_taken_them() {
        for is_taken in [false, true] {
            let mut class = Class::new(2 * PAGE);
            class.add(8 * EXTENT);
            let (blocks, first) = take_all(&mut class);
            for &block in &blocks[1..] {
                assert_eq!(class.free(0, block, false).pinned, 0);
            }
            let mut offered = 0;
            let given = class.give_back_idle(|_, pages| {
                offered = pages.count_ones() as usize;
                is_taken
            });
            assert_eq!(given, Some(if is_taken { offered } else { 0 }));
            let (again, fresh) = take_all(&mut class);
            assert_eq!(again.len(), blocks.len() - 1);
            assert_eq!(fresh, if is_taken { offered * PAGE } else { 0 });
            assert!(first >= offered * PAGE && offered > 0);
        }
    }
}
