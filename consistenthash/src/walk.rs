use crate::page::Page;
use crate::point::Point;

/// The points of a ring in ascending order, around and around the circle. It never ends.
pub(crate) struct Walk<'a> {
    pages: &'a [Page],
    /// For each page the next one that has points.
    next: &'a [u32],
    page: usize,
    /// The points of the page that are still to come.
    ahead: &'a [Point],
}

impl<'a> Walk<'a> {
    pub(crate) fn new(pages: &'a [Page], next: &'a [u32], page: usize, ahead: &'a [Point]) -> Self {
        Self {
            pages,
            next,
            page,
            ahead,
        }
    }

    /// The next point.
    #[inline]
    pub(crate) fn step(&mut self) -> Point {
        if let [point, ahead @ ..] = self.ahead {
            self.ahead = ahead;
            return *point;
        }
        self.page = self.next[self.page] as usize;
        let points = &self.pages[self.page];
        self.ahead = &points[1..];
        points[0]
    }
}
