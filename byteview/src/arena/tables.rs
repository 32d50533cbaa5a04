//! Memory for the tables of a store, in whole pages.

use std::alloc::Layout;
use std::ptr::{self, NonNull};

use allocator_api2::alloc::{AllocError, Allocator};

use super::handle::Arena;
use super::pages::Pages;
use super::sizes::{EXTENT, PAGE, PAGES};

/// An allocator that takes whole pages of an arena, and gives each of them back to the system at once. Clones are the same.
///
/// For segments of tables, whose sizes should be multiples of 4 KiB, up to 256 KiB. Larger allocations fail. What it hands out
/// counts as [reserved](crate::ArenaUsage::reserved).
///
/// An allocation looks at the extents of tables one after the other: some nanoseconds for each MiB of them.
#[derive(Clone, Debug)]
pub struct Tables(Arena);

impl Arena {
    /// The allocator for the tables of the store that keeps its entries here.
    #[must_use]
    pub fn tables(&self) -> Tables {
        Tables(self.clone())
    }
}

fn pages_of(layout: Layout) -> Option<usize> {
    let fits = (1..=EXTENT).contains(&layout.size()) && layout.align() <= PAGE;
    fits.then(|| layout.size().div_ceil(PAGE))
}

// SAFETY: an allocation is a run of pages of an extent that this arena has taken from its source. The run's bits are set while it is
// in use, so that no other allocation gets any of it. The extent stays where it is until none of its bits is set. The allocator
// holds the arena, and its clones are the same arena.
unsafe impl Allocator for Tables {
    fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        let pages = pages_of(layout).ok_or(AllocError)?;
        let shared = &*self.0.0;
        let mut tables = shared.tables.lock();
        let found = tables
            .iter_mut()
            .find_map(|extent| Some((extent.free_run(pages)?, extent)));
        let (run, extent) = match found {
            Some(found) => found,
            None => {
                tables.push(Pages::new(shared.source.lock().take().ok_or(AllocError)?));
                let extent = tables.last_mut().ok_or(AllocError)?;
                (extent.free_run(pages).ok_or(AllocError)?, extent)
            }
        };
        shared.reserve((run & !extent.resident).count_ones() as usize * PAGE);
        extent.used |= run;
        extent.resident |= run;
        let address = extent.base + run.trailing_zeros() as usize * PAGE;
        let pointer = NonNull::new(ptr::with_exposed_provenance_mut(address)).ok_or(AllocError)?;
        Ok(NonNull::slice_from_raw_parts(pointer, pages * PAGE))
    }

    unsafe fn deallocate(&self, pointer: NonNull<u8>, layout: Layout) {
        let Some(pages) = pages_of(layout) else {
            return;
        };
        let shared = &*self.0.0;
        let address = pointer.addr().get();
        let mut tables = shared.tables.lock();
        let base = address & !(EXTENT - 1);
        let Some(at) = tables.iter().position(|extent| extent.base == base) else {
            debug_assert!(false, "the pages are of this arena");
            return;
        };
        let run = (u64::MAX >> (PAGES - pages)) << ((address - base) / PAGE);
        let extent = &mut tables[at];
        extent.used &= !run;
        let mut source = shared.source.lock();
        if extent.used == 0 {
            source.give(base);
            shared.give_back(extent.resident.count_ones() as usize * PAGE);
            tables.remove(at);
        } else if source.give_pages(base, run) {
            extent.resident &= !run;
            shared.give_back(pages * PAGE);
        }
    }
}

#[cfg(test)]
mod tests {
    use allocator_api2::boxed::Box;

    use super::super::source::Source;
    use super::*;

    #[test]
    fn pages_go_back_when_they_are_freed() {
        let arena = Arena::new();
        let mut boxes = Vec::new();
        for n in 0..200_u32 {
            let pages = 1 + n as usize % 3;
            let mut values = Box::new_in([0_u8; 3 * PAGE], arena.tables());
            values[0] = n as u8;
            boxes.push((values, Box::new_in(pages, arena.tables())));
        }
        assert_eq!(arena.usage().reserved, 200 * 4 * PAGE);
        for (n, (values, pages)) in boxes.iter().enumerate() {
            assert_eq!((values[0], **pages), (n as u8, 1 + n % 3));
        }
        boxes.truncate(100);
        if Source::gives_pages() {
            assert_eq!(arena.usage().reserved, 100 * 4 * PAGE);
        }
        drop(boxes);
        assert_eq!(arena.usage().reserved, 0);
    }

    #[test]
    fn what_is_too_large_is_refused() {
        let tables = Arena::new().tables();
        let layout = Layout::from_size_align(EXTENT + 1, 8).unwrap();
        assert!(tables.allocate(layout).is_err());
    }
}
