//! The ring seen as a list of owned ranges.

use std::fmt;
use std::iter::FusedIterator;
use std::ops::RangeInclusive;

use crate::point::Point;
use crate::points::Points;
use crate::seats::Seats;
use crate::walk::Walk;

/// Ranges of positions with their owners; see [`Ring::ranges`](crate::Ring::ranges).
pub struct Ranges<'a, M> {
    seats: &'a Seats,
    members: &'a [M],
    /// The points after `next`.
    walk: Walk<'a>,
    /// The first point of the next range. Past the last point, the first point of all: its owner has the
    /// range that ends the circle too.
    next: Point,
    /// How many points are still to come, with `next`.
    left: usize,
    /// The position at which the next range begins; `None` once the circle is complete.
    start: Option<u64>,
}

impl<'a, M> Ranges<'a, M> {
    pub(crate) fn new(points: &'a Points, seats: &'a Seats, members: &'a [M]) -> Self {
        let mut walk = points.walk(0);
        Self {
            seats,
            members,
            next: walk.step(),
            walk,
            left: points.len(),
            start: Some(0),
        }
    }

    /// The same ranges with the owner's index instead of the owner.
    pub(crate) fn with_indices(mut self) -> impl Iterator<Item = (RangeInclusive<u64>, usize)> {
        std::iter::from_fn(move || self.advance())
    }

    fn advance(&mut self) -> Option<(RangeInclusive<u64>, usize)> {
        let start = self.start?;
        let seat = self.next.seat();
        let mut end = self.end();
        while self.left > 0 {
            self.next = self.walk.step();
            self.left -= 1;
            if self.next.seat() != seat {
                break;
            }
            end = self.end();
        }
        self.start = end.checked_add(1);
        Some((start..=end, self.seats.member(seat)))
    }

    /// Where the arc that ends with the next point ends: at the point, or at the end of the circle.
    fn end(&self) -> u64 {
        if self.left > 0 {
            self.next.position()
        } else {
            u64::MAX
        }
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
