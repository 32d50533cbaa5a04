use super::sizes::PAGES;

/// An extent of pages, a bit for each that is in use.
#[derive(Debug)]
pub(super) struct Pages {
    pub(super) base: usize,
    pub(super) used: u64,
    /// The pages that may take up memory.
    pub(super) resident: u64,
}

impl Pages {
    pub(super) fn new(base: usize) -> Self {
        Self {
            base,
            used: 0,
            resident: 0,
        }
    }

    /// The first run of so many free pages, as bits.
    pub(super) fn free_run(&self, pages: usize) -> Option<u64> {
        free_run(self.used, pages)
    }
}

fn free_run(used: u64, pages: usize) -> Option<u64> {
    if used == u64::MAX {
        return None;
    }
    let run = u64::MAX >> (PAGES - pages);
    let mut starts = 0..=PAGES - pages;
    starts
        .find(|start| used & run << start == 0)
        .map(|start| run << start)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_found_between_others() {
        assert_eq!(free_run(0, 64), Some(u64::MAX));
        assert_eq!(free_run(0b1011, 1), Some(0b100));
        assert_eq!(free_run(0b1011, 2), Some(0b11_0000));
        assert_eq!(free_run(1 << 63, 64), None);
    }
}
