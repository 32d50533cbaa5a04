//! The books of one extent: which blocks are in use, and what its pages hold.

use super::sizes::{EXTENT, HEAD, PAGE, PAGES};

/// The books of an extent whose blocks have one size.
#[derive(Debug)]
pub(super) struct Extent {
    /// The address of the extent.
    pub(super) base: usize,
    size: usize,
    blocks: u32,
    /// A bit for each block, set while the block is in use. Bits beyond the last block are set for good.
    taken: Box<[u64]>,
    /// No block is free in the words before this one.
    first: u32,
    in_use: u32,
    /// The pages that may take up memory, a bit each.
    resident: u64,
    pages: [Page; PAGES],
    /// Where the class has it.
    pub(super) place: Place,
    /// Its index in the class's list of extents that may have idle pages, if it is there.
    pub(super) noted: Option<u32>,
}

/// Which of its class's lists an extent is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// The list of a level, and the index there.
    Level { level: u8, at: u32 },
    /// In none: it is full, or its entries are being moved.
    Unlisted,
}

/// A block that has been taken.
pub(super) struct Taken {
    /// Its address.
    pub(super) block: usize,
    /// The bytes of pages that begin to take up memory.
    pub(super) fresh: usize,
    /// By how much the pinned bytes grow, which is zero or less.
    pub(super) pinned: isize,
}

/// What one page holds.
#[derive(Clone, Copy, Debug, Default)]
struct Page {
    /// The blocks on it that the store keeps.
    held: u16,
    /// The bytes on it of blocks that the store has left.
    left: u16,
}

impl Page {
    /// The bytes of the page that are there for views alone: all of it if the store has nothing there.
    fn pinned(self) -> usize {
        match self {
            Self { left: 0, .. } => 0,
            Self { held: 0, .. } => PAGE,
            Self { left, .. } => left.into(),
        }
    }

    fn is_empty(self) -> bool {
        self.held == 0 && self.left == 0
    }
}

/// The levels of how full an extent is that is not full: by eighths.
pub(super) const LEVELS: usize = 8;

/// The blocks of an extent.
pub(super) const fn blocks(size: usize) -> usize {
    (EXTENT - HEAD) / size
}

/// The bytes that a block takes up with its part of the extent's ends and books.
pub(super) const fn share(size: usize) -> usize {
    let blocks = blocks(size);
    let pages = (HEAD + blocks * size).next_multiple_of(PAGE);
    (pages + size_of::<Extent>() + blocks / 8).div_ceil(blocks)
}

impl Extent {
    pub(super) fn new(base: usize, size: usize) -> Self {
        let blocks = blocks(size);
        let mut taken = vec![0; blocks.div_ceil(64)].into_boxed_slice();
        if let Some(last) = taken.last_mut()
            && !blocks.is_multiple_of(64)
        {
            *last = u64::MAX << (blocks % 64);
        }
        Self {
            base,
            size,
            blocks: blocks as u32,
            taken,
            first: 0,
            in_use: 0,
            // The page with the extent's head.
            resident: 1,
            pages: [Page::default(); PAGES],
            place: Place::Unlisted,
            noted: None,
        }
    }

    /// Takes a free block for the store; `None` if the extent is full.
    #[inline]
    pub(super) fn take(&mut self) -> Option<Taken> {
        let words = self.taken.iter_mut().enumerate();
        let mut words = words.skip(self.first as usize);
        let (word, bits) = words.find(|(_, bits)| **bits != u64::MAX)?;
        let bit = bits.trailing_ones();
        *bits |= 1 << bit;
        self.first = word as u32;
        self.in_use += 1;
        let at = HEAD + (word * 64 + bit as usize) * self.size;
        let (first, last) = (at / PAGE, (at + self.size - 1) / PAGE);
        let touched = u64::MAX >> (PAGES - 1 - (last - first)) << first;
        let fresh = touched & !self.resident;
        self.resident |= touched;
        let block = self.base + at;
        Some(Taken {
            block,
            fresh: fresh.count_ones() as usize * PAGE,
            pinned: self.change(block, |page, _| page.held += 1),
        })
    }

    /// Notes that the store has left a block that has other users. Returns by how much the pinned bytes grow.
    pub(super) fn leave(&mut self, block: usize) -> isize {
        self.change(block, |page, bytes| {
            page.held -= 1;
            page.left += bytes;
        })
    }

    /// Frees a block. Returns by how much the pinned bytes grow: they do if the store had it, and has nothing else on a page that views
    /// hold.
    #[inline]
    pub(super) fn free(&mut self, block: usize, was_left: bool) -> isize {
        let index = (block - self.base - HEAD) / self.size;
        let word = index / 64;
        self.taken[word] &= !(1 << (index % 64));
        self.first = self.first.min(word as u32);
        self.in_use -= 1;
        if was_left {
            self.change(block, |page, bytes| page.left -= bytes)
        } else {
            self.change(block, |page, _| page.held -= 1)
        }
    }

    /// Changes what the pages of a block hold. Returns by how much the pinned bytes grow.
    #[inline]
    fn change(&mut self, block: usize, mut change: impl FnMut(&mut Page, u16)) -> isize {
        let at = block - self.base;
        let mut growth = 0;
        for number in at / PAGE..=(at + self.size - 1) / PAGE {
            let start = at.max(number * PAGE);
            let end = (at + self.size).min((number + 1) * PAGE);
            let page = &mut self.pages[number];
            let before = page.pinned();
            change(page, (end - start) as u16);
            growth += page.pinned() as isize - before as isize;
        }
        growth
    }

    pub(super) fn is_empty(&self) -> bool {
        self.in_use == 0
    }

    pub(super) fn blocks_in_use(&self) -> usize {
        self.in_use as usize
    }

    pub(super) fn free_blocks(&self) -> usize {
        (self.blocks - self.in_use) as usize
    }

    /// How full it is, in eighths; `None` if it is full.
    #[inline]
    pub(super) fn level(&self) -> Option<u8> {
        (self.in_use < self.blocks)
            .then(|| (self.in_use as usize * LEVELS / self.blocks as usize) as u8)
    }

    /// The bytes of its pages that may take up memory.
    pub(super) fn resident(&self) -> usize {
        self.resident.count_ones() as usize * PAGE
    }

    /// The pages that take up memory for nothing, a bit each. The one with the head is none of them.
    pub(super) fn idle(&self) -> u64 {
        let empty = self
            .pages
            .iter()
            .enumerate()
            .filter(|(_, page)| page.is_empty());
        let empty = empty.fold(0, |mask, (number, _)| mask | 1 << number);
        empty & self.resident & !1
    }

    /// Whether the pages of a block that has been freed are idle.
    pub(super) fn has_idle_at(&self, block: usize) -> bool {
        let at = block - self.base;
        let mut pages = at / PAGE..=(at + self.size - 1) / PAGE;
        pages.any(|page| page > 0 && self.pages[page].is_empty())
    }

    /// Notes that pages have been given back.
    pub(super) fn given_back(&mut self, pages: u64) {
        self.resident &= !pages;
    }

    /// The addresses of blocks in use from the one with this number on, each with the number of the next.
    pub(super) fn in_use(&self, from: u32) -> impl Iterator<Item = (usize, u32)> {
        let taken = |&at: &u32| self.taken[at as usize / 64] >> (at % 64) & 1 == 1;
        let address = |at: u32| (self.base + HEAD + at as usize * self.size, at + 1);
        (from..self.blocks).filter(taken).map(address)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    const BASE: usize = 8 * EXTENT;

    /// What the books should say, from the blocks alone.
    fn check(extent: &Extent, size: usize, blocks: &HashMap<usize, bool>) {
        let mut pages = vec![(0, 0); PAGES];
        for (&block, &left) in blocks {
            for byte in (block..block + size).map(|at| (at - BASE) / PAGE) {
                let (held, gone) = &mut pages[byte];
                *if left { gone } else { held } += 1;
            }
        }
        let pinned =
            |&(held, left): &(usize, usize)| if held == 0 && left > 0 { PAGE } else { left };
        let expected: usize = pages.iter().map(pinned).sum();
        let told: usize = extent.pages.iter().map(|page| page.pinned()).sum();
        assert_eq!(told, expected);
        for (number, &(held, left)) in pages.iter().enumerate() {
            let is_idle = extent.idle() >> number & 1 == 1;
            assert!(!is_idle || (held, left) == (0, 0));
            assert!((held, left) == (0, 0) || extent.resident >> number & 1 == 1);
        }
        assert_eq!(extent.in_use as usize, blocks.len());
        assert_eq!(extent.is_empty(), blocks.is_empty());
        let mut found: Vec<_> = extent.in_use(0).map(|(block, _)| block).collect();
        let mut expected: Vec<_> = blocks.keys().copied().collect();
        found.sort_unstable();
        expected.sort_unstable();
        assert_eq!(found, expected);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn books_agree_with_a_model(
            size in prop::sample::select(vec![16, 96, 1056, 5120, 16_896, 50_176, 131_072]),
            ops in prop::collection::vec((0..4_u8, 0..10_000_usize), 1..120),
        ) {
            let mut extent = Extent::new(BASE, size);
            let mut blocks = HashMap::new();
            let (mut pinned, mut resident) = (0, extent.resident());
            for (op, pick) in ops {
                let mut picked: Vec<usize> = blocks.keys().copied().collect();
                picked.sort_unstable();
                let picked = picked.get(pick % picked.len().max(1)).copied();
                match (op, picked) {
                    (0 | 1, _) | (_, None) => match extent.take() {
                        Some(Taken { block, fresh, pinned: growth }) => {
                            pinned += growth;
                            prop_assert!(block >= BASE + HEAD && block + size <= BASE + EXTENT);
                            prop_assert_eq!(blocks.insert(block, false), None);
                            resident += fresh;
                        }
                        None => prop_assert_eq!(blocks.len(), super::blocks(size)),
                    },
                    (2, Some(block)) => {
                        if !blocks.insert(block, true).unwrap() {
                            pinned += extent.leave(block);
                        }
                    }
                    (_, Some(block)) => {
                        let left = blocks.remove(&block).unwrap();
                        pinned += extent.free(block, left);
                        let idle = extent.idle();
                        resident -= idle.count_ones() as usize * PAGE;
                        extent.given_back(idle);
                    }
                }
                prop_assert_eq!(extent.resident(), resident);
                prop_assert_eq!(extent.pages.iter().map(|page| page.pinned()).sum::<usize>() as isize, pinned);
            }
            check(&extent, size, &blocks);
        }
    }
}
