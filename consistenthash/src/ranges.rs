//! The ring seen as a list of owned ranges.

use std::fmt;
use std::iter::FusedIterator;
use std::ops::RangeInclusive;

use crate::points::Points;

/// Ranges of positions with their owners; see [`Ring::ranges`](crate::Ring::ranges).
pub struct Ranges<'a, M> {
    points: &'a Points,
    members: &'a [M],
    /// The first point of the next range. It is one past the last point for the range that ends the
    /// circle.
    at: usize,
    /// The position at which the next range begins; `None` once the circle is complete.
    start: Option<u64>,
}

impl<'a, M> Ranges<'a, M> {
    pub(crate) fn new(points: &'a Points, members: &'a [M]) -> Self {
        Self {
            points,
            members,
            at: 0,
            start: Some(0),
        }
    }

    /// The same ranges with the owner's index instead of the owner.
    pub(crate) fn with_indices(mut self) -> impl Iterator<Item = (RangeInclusive<u64>, usize)> {
        std::iter::from_fn(move || self.advance())
    }

    fn advance(&mut self) -> Option<(RangeInclusive<u64>, usize)> {
        let start = self.start?;
        // Past the last point the circle closes: the rest belongs to the owner of the first point.
        let owner = |at| {
            self.points
                .owner(if at == self.points.len() { 0 } else { at })
        };
        let end = |at| {
            if at == self.points.len() {
                u64::MAX
            } else {
                self.points.position(at)
            }
        };
        let mut last = self.at;
        while last < self.points.len() && owner(last + 1) == owner(self.at) {
            last += 1;
        }
        let (end, owner) = (end(last), owner(self.at));
        self.start = end.checked_add(1);
        self.at = last + 1;
        Some((start..=end, owner))
    }
}

impl<'a, M> Iterator for Ranges<'a, M> {
    type Item = (RangeInclusive<u64>, &'a M);

    fn next(&mut self) -> Option<Self::Item> {
        let (range, owner) = self.advance()?;
        Some((range, &self.members[owner]))
    }
}

impl<M> FusedIterator for Ranges<'_, M> {}

impl<M> fmt::Debug for Ranges<'_, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ranges")
            .field("start", &self.start)
            .finish_non_exhaustive()
    }
}
