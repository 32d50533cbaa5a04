use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use parking_lot::Mutex;

use super::class::Class;
use super::shared::Shared;
use super::sizes::PAGE;

/// Memory that a store keeps its entries in. Clones are the same arena.
///
/// An entry is one block with its key, its value and a count: [`keep`](Self::keep) makes a copy there, and a
/// [view](crate::Kept::view) of the value shares the block. Memory comes from the operating system in extents of 256 KiB, and goes back when
/// an extent is empty. [`give_back_idle`](Self::give_back_idle) and [`move_some`](Self::move_some) make more of it go back.
///
/// The arena lives as long as a handle, or a block in use.
#[derive(Clone, Debug)]
pub struct Arena(pub(super) Arc<Shared>);

/// What an [`Arena`] takes up, in bytes; from [`Arena::usage`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ArenaUsage {
    /// The blocks that the store keeps, and what it keeps in buffers of their own.
    pub held: usize,
    /// What has been taken from the system: pages that have been written to, and buffers of their own.
    pub reserved: usize,
    /// Of these, what is there for views alone: the store has given it up. Whole pages of 4 KiB where the store has nothing on
    /// the page.
    pub pinned: usize,
}

impl Arena {
    /// An empty arena, which takes up some KiB.
    #[must_use]
    pub fn new() -> Self {
        Self(Shared::new())
    }

    /// What the arena takes up. Looks at each size of blocks one after the other.
    #[must_use]
    pub fn usage(&self) -> ArenaUsage {
        let held = |class: &Mutex<Class>| {
            let class = class.lock();
            class.held * class.size
        };
        ArenaUsage {
            held: self.0.classes().map(held).sum::<usize>() + self.0.outside.load(Relaxed),
            reserved: self.0.reserved(),
            pinned: self.0.pinned(),
        }
    }

    /// The bytes that have been taken from the system for other things than views of what the store has given up. Reads two numbers.
    #[inline]
    #[must_use]
    pub fn unpinned(&self) -> usize {
        self.0.reserved().saturating_sub(self.0.pinned())
    }

    /// Gives pages back to the system on which there is nothing, of blocks of one size. Returns how many bytes these are; zero if
    /// there are no such pages.
    ///
    /// Looks at each size of blocks, and at up to 16 extents of the one that has most to give.
    pub fn give_back_idle(&self) -> usize {
        const EXTENTS: usize = 16;
        let noted = self.0.classes().map(|class| (class.lock().noted(), class));
        let Some((1.., class)) = noted.max_by_key(|&(noted, _)| noted) else {
            return 0;
        };
        let give = |base, pages| self.0.source.lock().give_pages(base, pages);
        let mut bytes = 0;
        for _ in 0..EXTENTS {
            // The lock is held while pages are given, so that nobody takes a block there, and for one extent only.
            let given = class.lock().give_back_idle(give);
            let Some(pages) = given else {
                break;
            };
            bytes += pages * PAGE;
        }
        self.0.give_back(bytes);
        bytes
    }
}

impl Default for Arena {
    fn default() -> Self {
        Self::new()
    }
}
