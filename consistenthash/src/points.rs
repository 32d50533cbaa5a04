//! The points of a ring, sorted, and the index that finds a point's place.

/// The most points a ring may have: members times replicas.
///
/// Building a ring of this size takes about 1 GiB for a moment and keeps half of it.
pub const MAX_POINTS: usize = 1 << 25;

/// One virtual node. Twelve bytes: as a `u64` and a `u32` it would take sixteen.
#[derive(Clone, Copy)]
struct Point {
    upper: u32,
    lower: u32,
    owner: u32,
}

impl Point {
    fn position(self) -> u64 {
        u64::from(self.upper) << 32 | u64::from(self.lower)
    }
}

/// A point on its way into the ring.
#[derive(Clone, Copy)]
pub(crate) struct Placed {
    pub(crate) position: u64,
    /// Index of the member; below [`MAX_POINTS`], so that it fits.
    pub(crate) owner: u32,
}

/// Distinct positions in ascending order, each with its owner. Never empty.
///
/// # Finding the successor
///
/// Good hashes spread points evenly, so the upper bits of a position say nearly where its
/// successor stands: `index[b]..index[b + 1]` are the points whose position begins with the bits
/// `b`, four on average. A lookup reads one index entry and scans those few neighbours, which
/// costs one or two cache misses where a binary search over two million points has ten or more.
/// Where a poor hash crowds points into few buckets, the scan becomes a binary search.
pub(crate) struct Points {
    index: Box<[u32]>,
    /// How far a position is shifted right to become a bucket.
    shift: u32,
    points: Box<[Point]>,
}

/// Points per bucket that are scanned rather than searched.
const SCAN: usize = 16;

impl Points {
    /// Sorts the points; of those at one position, the owner with the greatest rank keeps it.
    ///
    /// `placed` has between 1 and [`MAX_POINTS`] elements, each with an owner that `rank` knows.
    pub(crate) fn new(mut placed: Vec<Placed>, rank: &[u32]) -> Self {
        placed.sort_unstable_by(|a, b| {
            a.position
                .cmp(&b.position)
                .then_with(|| rank[a.owner as usize].cmp(&rank[b.owner as usize]))
        });
        placed.dedup_by(|later, kept| {
            let same = later.position == kept.position;
            if same {
                *kept = *later;
            }
            same
        });

        // At least two buckets, so that the shift stays below 64.
        let buckets = (placed.len() / 4).next_power_of_two().max(2);
        let shift = u64::BITS - buckets.trailing_zeros();
        let mut index = Vec::with_capacity(buckets + 1);
        for (at, point) in placed.iter().enumerate() {
            let bucket = (point.position >> shift) as usize;
            while index.len() <= bucket {
                index.push(at as u32);
            }
        }
        index.resize(buckets + 1, placed.len() as u32);

        let points = placed
            .iter()
            .map(|p| Point {
                upper: (p.position >> 32) as u32,
                lower: p.position as u32,
                owner: p.owner,
            })
            .collect();
        Self {
            index: index.into(),
            shift,
            points,
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

    /// The first point at or after `position`; past the last one, the first of all.
    #[inline]
    pub(crate) fn successor(&self, position: u64) -> usize {
        let bucket = (position >> self.shift) as usize;
        let from = self.index[bucket] as usize;
        let to = self.index[bucket + 1] as usize;
        let run = &self.points[from..to];
        let before = if run.len() <= SCAN {
            run.iter().filter(|p| p.position() < position).count()
        } else {
            run.partition_point(|p| p.position() < position)
        };
        let at = from + before;
        if at == self.points.len() { 0 } else { at }
    }
}
