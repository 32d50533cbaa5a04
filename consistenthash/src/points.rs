//! The sorted points of a ring, in pages that rings share.

use crate::grid::Grid;
use crate::page::Page;
use crate::point::Point;
use crate::walk::Walk;

/// The most points a ring may have: members times replicas.
///
/// A ring of this size takes about half a GiB, and about twice as much while it is built.
pub const MAX_POINTS: usize = 1 << 25;

/// Distinct positions in ascending order, each with its owner's seat. Never empty.
///
/// # Pages
///
/// The circle is cut into pages of equal width. The points of a member that joins or leaves fall into some
/// of the pages. Only those are made anew; the others are shared with the former ring.
///
/// # Finding the successor
///
/// Good hashes spread points evenly, so the upper bits of a position tell almost exactly where its
/// successor stands. Each page is cut into cells, about as many as it has points. `hints` has the place
/// within its page at which each cell begins. A lookup reads a hint, an entry of the table of pages, and
/// then a point or two. The first two can be read at once, and stay in the processor's cache more likely
/// than the points do, so that a lookup costs one or two cache misses, where a binary search over two
/// million points costs ten. If a poor hash crowds points into few cells, a binary search of the page
/// follows the scan.
pub(crate) struct Points {
    grid: Grid,
    pages: Box<[Page]>,
    /// For each page the next one that has points, around the circle.
    next: Box<[u32]>,
    /// For each cell the index within its page of the first point at or after the beginning of the cell, or
    /// a lesser one.
    hints: Box<[u16]>,
    len: usize,
    /// Points that lost their position to another point. A good hash of 64 bits makes none.
    lost: Vec<Point>,
}

/// What a change of the members does to the points.
pub(crate) struct Change<'a> {
    /// By seat: whether the member has left.
    pub(crate) has_left: &'a [bool],
    /// The positions of all points of members that have left.
    pub(crate) left: Vec<u64>,
    /// The points of members that have joined.
    pub(crate) joined: Vec<Point>,
    /// By seat: of several points at one position, that of the greatest rank stays.
    pub(crate) rank: &'a [u32],
}

impl Points {
    /// Sorts the points. Of several points at one position, the one whose seat has the greatest rank
    /// stays.
    ///
    /// `placed` has between 1 and [`MAX_POINTS`] points. `rank` is indexed by seat.
    pub(crate) fn new(placed: &[Point], rank: &[u32]) -> Self {
        Self::from_sorted(&sort(placed), rank, Vec::new())
    }

    /// The points after a change: those that [`new`](Self::new) would make, on pages of which most are
    /// shared with these.
    pub(crate) fn changed(&self, change: Change<'_>) -> Self {
        let Change {
            has_left,
            left,
            joined,
            rank,
        } = change;
        let (grid, stays) = (self.grid, |point: &&Point| !has_left[point.seat()]);
        // Whatever once lost its position may win it now.
        let mut arriving = joined;
        arriving.extend(self.lost.iter().filter(stays));
        arriving.sort_unstable_by_key(|point| point.position());
        let arrivals = arriving.iter().map(|point| point.position());
        let mut touched: Vec<usize> = left
            .into_iter()
            .chain(arrivals)
            .map(|at| grid.page(at))
            .collect();
        touched.sort_unstable();
        touched.dedup();

        let (mut pages, mut hints) = (self.pages.clone(), self.hints.clone());
        let (mut lost, mut merged, mut arriving) = (Vec::new(), Vec::new(), &arriving[..]);
        for number in touched {
            let is_here = |point: &Point| grid.page(point.position()) == number;
            let (here, later) = arriving.split_at(arriving.partition_point(is_here));
            arriving = later;
            merge(pages[number].iter().filter(stays), here, &mut merged);
            pages[number] = settled(&merged, rank, &mut lost);
            hint_at(&pages[number], grid, &mut hints[grid.cells_of(number)]);
        }
        let changed = Self::from_parts(grid, pages, hints, lost);
        if grid.suits(changed.len) {
            changed
        } else {
            let points: Vec<Point> = changed
                .pages
                .iter()
                .flat_map(|page| page.to_vec())
                .collect();
            Self::from_sorted(&points, rank, changed.lost)
        }
    }

    /// `lost` has points that lost their position before.
    fn from_sorted(points: &[Point], rank: &[u32], mut lost: Vec<Point>) -> Self {
        let grid = Grid::of(points.len());
        let mut hints = vec![0; grid.cells()];
        let mut rest = points;
        let pages = (0..grid.pages()).map(|number| {
            let is_here = |point: &&Point| grid.page(point.position()) == number;
            let (here, later) = rest.split_at(rest.iter().take_while(is_here).count());
            rest = later;
            let page = settled(here, rank, &mut lost);
            hint_at(&page, grid, &mut hints[grid.cells_of(number)]);
            page
        });
        let pages = pages.collect();
        Self::from_parts(grid, pages, hints.into(), lost)
    }

    fn from_parts(grid: Grid, pages: Box<[Page]>, hints: Box<[u16]>, lost: Vec<Point>) -> Self {
        Self {
            next: next_with_points(&pages),
            len: pages.iter().map(|page| page.len()).sum(),
            grid,
            pages,
            hints,
            lost,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The first point at or after `position`. Past the last point, the circle starts again at the first.
    #[inline]
    pub(crate) fn successor(&self, position: u64) -> Point {
        let page = self.grid.page(position);
        match self.pages[page].from(self.hint(position), position) {
            [point, ..] => *point,
            [] => self.pages[self.next[page] as usize][0],
        }
    }

    /// All points from the first at or after `position` on, around and around the circle.
    #[inline]
    pub(crate) fn walk(&self, position: u64) -> Walk<'_> {
        let page = self.grid.page(position);
        let ahead = self.pages[page].from(self.hint(position), position);
        Walk::new(&self.pages, &self.next, page, ahead)
    }

    #[inline]
    fn hint(&self, position: u64) -> usize {
        self.hints[self.grid.cell(position)].into()
    }

    /// The points that lost their position to another member's, or to another of the same member.
    pub(crate) fn lost(&self) -> &[Point] {
        &self.lost
    }
}

/// Writes the hints for the cells of one page.
fn hint_at(page: &Page, grid: Grid, hints: &mut [u16]) {
    let mut cell = 0;
    for (at, point) in page.iter().enumerate() {
        let own = grid.cell_within_page(point.position());
        // A page of more points is one on which points crowd.
        let at = u16::try_from(at).unwrap_or(u16::MAX);
        while cell <= own {
            hints[cell] = at;
            cell += 1;
        }
    }
    hints[cell..].fill(u16::try_from(page.len()).unwrap_or(u16::MAX));
}

/// For each page the next one that has points, around the circle.
fn next_with_points(pages: &[Page]) -> Box<[u32]> {
    let has_points = |page: &Page| !page.is_empty();
    let mut following = pages.iter().position(has_points).unwrap_or(0) as u32;
    let mut next = vec![0; pages.len()];
    for (number, page) in pages.iter().enumerate().rev() {
        next[number] = following;
        if has_points(page) {
            following = number as u32;
        }
    }
    next.into()
}

/// The points in ascending order of position.
///
/// A counting sort by the upper bits puts the points into parcels, and a comparison sort orders
/// each parcel. Evenly spread points make parcels of 8 to 16 points. A poor hash puts all points
/// into one parcel, which costs as much as sorting them all.
fn sort(placed: &[Point]) -> Vec<Point> {
    let parcels = (placed.len() / 16).next_power_of_two().max(2);
    let shift = u64::BITS - parcels.trailing_zeros();
    let parcel = |point: &Point| (point.position() >> shift) as usize;
    let mut starts = vec![0_u32; parcels + 1];
    for point in placed {
        starts[parcel(point) + 1] += 1;
    }
    let mut start = 0;
    for entry in &mut starts {
        start += *entry;
        *entry = start;
    }
    let mut next = starts.clone();
    let mut points = vec![Point::default(); placed.len()];
    for point in placed {
        let next = &mut next[parcel(point)];
        points[*next as usize] = *point;
        *next += 1;
    }
    for parcel in starts.windows(2) {
        points[parcel[0] as usize..parcel[1] as usize].sort_unstable_by_key(|p| p.position());
    }
    points
}

/// Merges two ascending rows of points.
fn merge<'a>(one: impl Iterator<Item = &'a Point>, other: &[Point], merged: &mut Vec<Point>) {
    merged.clear();
    let mut other = other.iter().copied().peekable();
    for point in one {
        while let Some(earlier) = other.next_if(|other| other.position() < point.position()) {
            merged.push(earlier);
        }
        merged.push(*point);
    }
    merged.extend(other);
}

/// The page of these points, which are in ascending order. Of several at one position the one whose seat
/// has the greatest rank stays, and the others are lost.
fn settled(sorted: &[Point], rank: &[u32], lost: &mut Vec<Point>) -> Page {
    let is_shared = |pair: &[Point]| pair[0].position() == pair[1].position();
    if !sorted.windows(2).any(is_shared) {
        return Page::new(sorted);
    }
    let mut points = sorted.to_vec();
    points.dedup_by(|other, kept| {
        let same = other.position() == kept.position();
        if same {
            if rank[other.seat()] > rank[kept.seat()] {
                std::mem::swap(other, kept);
            }
            lost.push(*other);
        }
        same
    });
    Page::new(&points)
}
