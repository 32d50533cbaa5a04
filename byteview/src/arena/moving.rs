use super::block::{Shares, parts};
use super::handle::Arena;
use super::sizes::{LARGEST, PAGE};

/// An entry that an arena would like to have elsewhere; see [`Arena::move_some`].
#[derive(Debug)]
pub struct Moving<'a> {
    pub(super) arena: &'a Arena,
    pub(super) block: Shares,
}

impl Arena {
    /// Calls `moving` with entries of the emptiest extent, up to 64 at a time, so that the store [moves](crate::Kept::moved) them and the
    /// extent goes back to the system. Returns the bytes of their blocks, or a page's for an extent in which nothing could be moved: so
    /// the caller can bound the work. Zero if no extent is worth it.
    ///
    /// What views hold stays where it is. The store should drop what it has got before it drops the old entry. Looks at each size of
    /// blocks, and at the blocks of one extent.
    pub fn move_some(&self, mut moving: impl FnMut(Moving<'_>)) -> usize {
        const BLOCKS: usize = 64;
        let emptiest = self
            .0
            .classes()
            .filter_map(|class| Some((class.lock().emptiest()?, class)));
        let Some((_, class)) = emptiest.min_by_key(|&(level, _)| level) else {
            return 0;
        };
        let (shared, size) = {
            let mut class = class.lock();
            let most = (LARGEST / class.size).clamp(1, BLOCKS);
            let mut shared = Vec::new();
            let mut share = |block| {
                // SAFETY: the lock of the class is held, which says that the block is in use.
                shared.extend(unsafe { Shares::of_single(block) });
                shared.len() == most
            };
            class.next_to_move(&mut share);
            (shared, class.size)
        };
        let bytes = shared.len() * size;
        for block in shared {
            moving(Moving { arena: self, block });
        }
        bytes.max(PAGE)
    }
}

impl Moving<'_> {
    /// The key of the entry.
    #[must_use]
    pub fn key(&self) -> &[u8] {
        // SAFETY: the mover is a user of the block, which `keep` has made.
        unsafe { parts(self.block.header()).0 }
    }
}
