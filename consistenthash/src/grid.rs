use std::ops::Range;

/// How the circle is cut into pages, and each page into cells: powers of two of them, of equal width, so that
/// the upper bits of a position are the number of its page and of its cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Grid {
    /// How far a position is shifted right to become the number of its page.
    page_shift: u32,
    /// The same for cells.
    cell_shift: u32,
}

/// When a ring is built, the mean page has at most so many points (as a power of two), and at least half as many.
const PAGE_BITS: u32 = 6;

/// A ring of more points has larger pages instead of more of them, because each costs a change a little.
const MOST_PAGE_BITS: u32 = 15;

/// How often the size of the mean page may double or halve before the circle is cut anew.
const SLACK_BITS: u32 = 1;

impl Grid {
    /// The grid for so many points: about a cell for each.
    pub(crate) fn of(points: usize) -> Self {
        let cells = points.next_power_of_two().trailing_zeros();
        // At least two pages, so that no shift is by 64 bits.
        let pages = cells.saturating_sub(PAGE_BITS).clamp(1, MOST_PAGE_BITS);
        Self {
            page_shift: u64::BITS - pages,
            cell_shift: u64::BITS - cells.max(pages),
        }
    }

    /// Whether pages have a fair size with so many points.
    pub(crate) fn suits(self, points: usize) -> bool {
        Self::of(points).cell_shift.abs_diff(self.cell_shift) <= SLACK_BITS
    }

    pub(crate) fn pages(self) -> usize {
        1 << (u64::BITS - self.page_shift)
    }

    pub(crate) fn cells(self) -> usize {
        1 << (u64::BITS - self.cell_shift)
    }

    fn cells_per_page(self) -> usize {
        1 << (self.page_shift - self.cell_shift)
    }

    /// The page that a position lies on.
    #[inline]
    pub(crate) fn page(self, position: u64) -> usize {
        (position >> self.page_shift) as usize
    }

    /// The cell that a position lies in.
    #[inline]
    pub(crate) fn cell(self, position: u64) -> usize {
        (position >> self.cell_shift) as usize
    }

    /// The cells of a page.
    pub(crate) fn cells_of(self, page: usize) -> Range<usize> {
        page * self.cells_per_page()..(page + 1) * self.cells_per_page()
    }

    /// The cell that a position lies in, counted from the first of its page.
    pub(crate) fn cell_within_page(self, position: u64) -> usize {
        self.cell(position) & (self.cells_per_page() - 1)
    }
}
