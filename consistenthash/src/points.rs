//! The sorted points of a ring, and the index that finds the successor of a position.

/// The most points a ring may have: members times replicas.
///
/// A ring of this size takes about half a GiB, and about twice as much while it is built.
pub const MAX_POINTS: usize = 1 << 25;

/// One virtual node. It takes twelve bytes; with a `u64` and a `u32` it would take sixteen.
#[derive(Clone, Copy, Default)]
pub(crate) struct Point {
    upper: u32,
    lower: u32,
    /// Index of the member. It fits: a ring has at least as many points as members, and at most
    /// [`MAX_POINTS`].
    owner: u32,
}

impl Point {
    pub(crate) fn new(position: u64, owner: u32) -> Self {
        Self {
            upper: (position >> 32) as u32,
            lower: position as u32,
            owner,
        }
    }

    #[inline]
    fn position(self) -> u64 {
        u64::from(self.upper) << 32 | u64::from(self.lower)
    }
}

/// Distinct positions in ascending order, each with its owner. Never empty.
///
/// # Finding the successor
///
/// Good hashes spread points evenly, so the upper bits of a position tell almost exactly where its
/// successor stands. `index[b]` is the first point whose position begins with the bits `b` or more.
/// There are about as many buckets `b` as points. A lookup reads one index entry and then a point
/// or two. That costs two cache misses, where a binary search over two million points costs ten. If
/// a poor hash crowds points into few buckets, a binary search of the bucket follows the scan.
pub(crate) struct Points {
    index: Box<[u32]>,
    /// How far a position is shifted right to become a bucket.
    shift: u32,
    points: Box<[Point]>,
}

/// How many points a lookup scans before it starts a binary search.
const SCAN: usize = 16;

impl Points {
    /// Sorts the points. Of several points at one position, the one whose owner has the greatest
    /// rank stays.
    ///
    /// `placed` has between 1 and [`MAX_POINTS`] points. `rank` is indexed by owner.
    pub(crate) fn new(placed: &[Point], rank: &[u32]) -> Self {
        let mut points = sort(placed);
        points.dedup_by(|other, kept| {
            let same = other.position() == kept.position();
            if same && rank[other.owner as usize] > rank[kept.owner as usize] {
                *kept = *other;
            }
            same
        });
        // At least two buckets, so that the shift stays below 64.
        let buckets = points.len().next_power_of_two().max(2);
        let shift = u64::BITS - buckets.trailing_zeros();
        let index = starts(points.iter().map(|p| p.position()), buckets, shift);
        Self {
            index: index.into(),
            shift,
            points: points.into(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.points.len()
    }

    pub(crate) fn position(&self, at: usize) -> u64 {
        self.points[at].position()
    }

    /// Index of the member that owns point `at`.
    #[inline]
    pub(crate) fn owner(&self, at: usize) -> usize {
        self.points[at].owner as usize
    }

    /// The index of the first point at or after `position`. Past the last point, the circle starts
    /// again at the first.
    #[inline]
    pub(crate) fn successor(&self, position: u64) -> usize {
        let bucket = (position >> self.shift) as usize;
        let mut at = self.index[bucket] as usize;
        let near = (at + SCAN).min(self.points.len());
        while at < near && self.points[at].position() < position {
            at += 1;
        }
        if at == near {
            at = self.search(bucket, near, position);
        }
        if at == self.points.len() { 0 } else { at }
    }

    /// The successor in a crowded bucket, where no point before `from` is the successor.
    #[cold]
    fn search(&self, bucket: usize, from: usize, position: u64) -> usize {
        let to = (self.index[bucket + 1] as usize).max(from);
        from + self.points[from..to].partition_point(|p| p.position() < position)
    }
}

/// The points in ascending order of position.
///
/// A counting sort by the upper bits puts the points into parcels, and a comparison sort orders
/// each parcel. Evenly spread points make parcels of 8 to 16 points. A poor hash puts all points
/// into one parcel, which costs as much as sorting them all.
fn sort(placed: &[Point]) -> Vec<Point> {
    let parcels = (placed.len() / 16).next_power_of_two().max(2);
    let shift = u64::BITS - parcels.trailing_zeros();
    let starts = starts(placed.iter().map(|p| p.position()), parcels, shift);
    let mut next = starts.clone();
    let mut points = vec![Point::default(); placed.len()];
    for point in placed {
        let next = &mut next[(point.position() >> shift) as usize];
        points[*next as usize] = *point;
        *next += 1;
    }
    for parcel in starts.windows(2) {
        points[parcel[0] as usize..parcel[1] as usize].sort_unstable_by_key(|p| p.position());
    }
    points
}

/// The index at which each bucket starts among the sorted positions, and the end of the last
/// bucket.
fn starts(positions: impl Iterator<Item = u64>, buckets: usize, shift: u32) -> Vec<u32> {
    let mut starts = vec![0; buckets + 1];
    for position in positions {
        starts[(position >> shift) as usize + 1] += 1;
    }
    let mut start = 0;
    for entry in &mut starts {
        start += *entry;
        *entry = start;
    }
    starts
}
