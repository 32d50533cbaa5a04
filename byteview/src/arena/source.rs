//! Memory from the operating system, in extents.

#[cfg(miri)]
pub(super) use allocated::Source;
#[cfg(all(target_os = "linux", not(miri)))]
pub(super) use regions::Source;
#[cfg(not(any(target_os = "linux", miri)))]
pub(super) use single::Source;

/// Maps regions of address space, which take up memory only where they are touched, and tells the system to take back what is not
/// needed any more. The address space is kept until the arena ends.
#[cfg(all(target_os = "linux", not(miri)))]
mod regions {
    use std::sync::LazyLock;

    use memmap2::{Advice, MmapMut, MmapOptions, UncheckedAdvice};

    use super::super::sizes::{EXTENT, PAGE};

    /// The address space of a region, of which `EXTENT` goes for the alignment.
    const REGION: usize = 64 * EXTENT;

    #[derive(Debug, Default)]
    pub(in crate::arena) struct Source {
        regions: Vec<MmapMut>,
        /// The extents that nobody uses. None of their pages takes up memory, unless the program has locked it.
        free: Vec<usize>,
    }

    impl Source {
        /// The address of an extent of zeros, aligned to its size; `None` if the system has none.
        pub(in crate::arena) fn take(&mut self) -> Option<usize> {
            if self.free.is_empty() {
                self.add_region()?;
            }
            self.free.pop()
        }

        fn add_region(&mut self) -> Option<()> {
            let mut options = MmapOptions::new();
            options.len(REGION + EXTENT).no_reserve_swap();
            let mut region = options.map_anon().ok()?;
            // A huge page would take up memory beyond what is touched. A kernel without huge pages refuses, which is as good.
            _ = region.advise(Advice::NoHugePage);
            let start = region
                .as_mut_ptr()
                .expose_provenance()
                .next_multiple_of(EXTENT);
            // The lowest is taken first.
            self.free
                .extend((0..REGION / EXTENT).rev().map(|n| start + n * EXTENT));
            self.regions.push(region);
            Some(())
        }

        /// Takes back an extent that nobody uses.
        pub(in crate::arena) fn give(&mut self, base: usize) {
            if !self.discard(base, 0, EXTENT) {
                // Blocks of another size will be here, whose counts must not look as if they had begun.
                let start = std::ptr::with_exposed_provenance_mut::<u8>(base);
                // SAFETY: the extent is mapped, and nobody uses it.
                unsafe { start.write_bytes(0, EXTENT) };
            }
            self.free.push(base);
        }

        /// Gives the memory of some pages of an extent back to the system, and returns whether it has taken all of it. Pages that it
        /// has taken are zero afterwards.
        pub(in crate::arena) fn give_pages(&mut self, base: usize, pages: u64) -> bool {
            if !Self::gives_pages() {
                return false;
            }
            let (mut rest, mut is_taken) = (pages, true);
            while rest != 0 {
                let start = rest.trailing_zeros() as usize;
                let run = (rest >> start).trailing_ones() as usize;
                is_taken &= self.discard(base, start * PAGE, run * PAGE);
                rest &= !(u64::MAX >> (64 - run) << start);
            }
            is_taken
        }

        /// Whether the system's pages are as small as those of the books. A larger one, as on some ARM machines, may hold what is in
        /// use.
        pub(in crate::arena) fn gives_pages() -> bool {
            // SAFETY: the function reads a constant of the system.
            static SIZE: LazyLock<libc::c_long> =
                LazyLock::new(|| unsafe { libc::sysconf(libc::_SC_PAGESIZE) });
            usize::try_from(*SIZE) == Ok(PAGE)
        }

        /// Has the system take pages of an extent. It refuses where the program has locked its memory (`mlockall`).
        fn discard(&self, base: usize, offset: usize, len: usize) -> bool {
            let mut regions = self.regions.iter();
            let start = |region: &MmapMut| region.as_ptr().addr();
            let holds =
                |region: &&MmapMut| (start(region)..start(region) + region.len()).contains(&base);
            let Some(region) = regions.find(holds) else {
                debug_assert!(false, "the extent is of this source");
                return false;
            };
            let at = base - start(region) + offset;
            // SAFETY: the range is in an extent of this region, and covers pages that no block in use has a part of. The caller holds
            // the lock under which blocks there are taken, or the extent is in no books. So nobody reads or writes what turns to zero.
            unsafe { region.unchecked_advise_range(UncheckedAdvice::DontNeed, at, len) }.is_ok()
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn an_extent_of_locked_memory_comes_back_as_zeros() {
            let mut source = Source::default();
            let base = source.take().unwrap();
            if let Err(error) = source.regions[0].lock() {
                eprintln!("skipped: memory cannot be locked here: {error}");
                return;
            }
            let extent = std::ptr::with_exposed_provenance_mut::<u8>(base);
            // SAFETY: the extent has been taken from the source, which lives.
            unsafe { extent.write_bytes(7, EXTENT) };
            assert!(!source.give_pages(base, 0b110));
            source.give(base);
            assert_eq!(source.take(), Some(base));
            // SAFETY: as above.
            let bytes = unsafe { std::slice::from_raw_parts(extent, EXTENT) };
            assert!(bytes.iter().all(|byte| *byte == 0));
        }
    }
}

/// Maps each extent for itself, and unmaps it as a whole: for systems where advice on pages may mean something else.
#[cfg(all(any(not(target_os = "linux"), test), not(miri)))]
#[cfg_attr(target_os = "linux", allow(dead_code, reason = "here for its test"))]
mod single {
    use std::collections::HashMap;

    use memmap2::{MmapMut, MmapOptions};

    use super::super::sizes::EXTENT;

    #[derive(Debug, Default)]
    pub(in crate::arena) struct Source {
        /// By the address of the extent, which is somewhere in its mapping.
        extents: HashMap<usize, MmapMut>,
    }

    impl Source {
        /// The address of an extent of zeros, aligned to its size; `None` if the system has none.
        pub(in crate::arena) fn take(&mut self) -> Option<usize> {
            // What is left over around the extent is never touched, so it takes up no memory.
            let mut mapping = MmapOptions::new().len(2 * EXTENT).map_anon().ok()?;
            let start = mapping.as_mut_ptr().expose_provenance();
            let base = start.next_multiple_of(EXTENT);
            self.extents.insert(base, mapping);
            Some(base)
        }

        /// Takes back an extent that nobody uses.
        pub(in crate::arena) fn give(&mut self, base: usize) {
            let extent = self.extents.remove(&base);
            debug_assert!(extent.is_some(), "the extent is of this source");
        }

        /// Single pages are not given back.
        pub(in crate::arena) fn give_pages(&mut self, _base: usize, _pages: u64) -> bool {
            false
        }

        #[cfg(test)]
        pub(in crate::arena) fn gives_pages() -> bool {
            false
        }
    }

    #[test]
    fn extents_are_aligned_and_zero_and_do_not_overlap() {
        let mut source = Source::default();
        let bases = [(); 3].map(|()| source.take().unwrap());
        for base in bases {
            assert!(base.is_multiple_of(EXTENT));
            let extent = std::ptr::with_exposed_provenance_mut::<u8>(base);
            // SAFETY: the extent has been taken from the source, which lives, and nobody else uses it.
            let bytes = unsafe { std::slice::from_raw_parts_mut(extent, EXTENT) };
            assert!(bytes.iter().all(|byte| *byte == 0));
            bytes.fill(7);
        }
        bases.into_iter().for_each(|base| source.give(base));
        assert!(source.extents.is_empty());
    }
}

/// Allocates each extent, for an interpreter that cannot map memory.
#[cfg(miri)]
mod allocated {
    use std::alloc::{Layout, alloc_zeroed, dealloc};

    use super::super::sizes::EXTENT;

    #[derive(Debug, Default)]
    pub(in crate::arena) struct Source;

    const LAYOUT: Layout = match Layout::from_size_align(EXTENT, EXTENT) {
        Ok(layout) => layout,
        Err(_) => panic!("the size of an extent is a power of two"),
    };

    impl Source {
        /// The address of an extent of zeros, aligned to its size; `None` if the system has none.
        pub(in crate::arena) fn take(&mut self) -> Option<usize> {
            // SAFETY: the layout has a size.
            let extent = unsafe { alloc_zeroed(LAYOUT) };
            (!extent.is_null()).then(|| extent.expose_provenance())
        }

        /// Takes back an extent that nobody uses.
        pub(in crate::arena) fn give(&mut self, base: usize) {
            // SAFETY: `take` has allocated the extent with this layout, and nobody uses it.
            unsafe { dealloc(std::ptr::with_exposed_provenance_mut(base), LAYOUT) }
        }

        /// Single pages are not given back.
        pub(in crate::arena) fn give_pages(&mut self, _base: usize, _pages: u64) -> bool {
            false
        }

        #[cfg(test)]
        pub(in crate::arena) fn gives_pages() -> bool {
            false
        }
    }
}
