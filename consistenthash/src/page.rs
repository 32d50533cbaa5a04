use std::ops::Deref;
use std::sync::Arc;

use crate::point::Point;

/// The points of one page of the circle: distinct positions in ascending order. A clone is a reference.
#[derive(Clone)]
pub(crate) struct Page(Arc<[Point]>);

/// How many points a lookup passes, one by one, before it starts a binary search.
const SCAN: usize = 16;

impl Page {
    pub(crate) fn new(points: &[Point]) -> Self {
        Self(points.into())
    }

    /// The points at or after `position`, which lies in this page. No point before `hint` is among them.
    #[inline]
    pub(crate) fn from(&self, hint: usize, position: u64) -> &[Point] {
        let mut ahead = self.0.get(hint..).unwrap_or_default();
        for _ in 0..SCAN {
            match ahead {
                [point, later @ ..] if point.position() < position => ahead = later,
                _ => return ahead,
            }
        }
        search(ahead, position)
    }
}

/// Those of the points that stand at or after `position`, in a page whose points crowd.
#[cold]
fn search(points: &[Point], position: u64) -> &[Point] {
    &points[points.partition_point(|point| point.position() < position)..]
}

impl Deref for Page {
    type Target = [Point];

    fn deref(&self) -> &[Point] {
        &self.0
    }
}
