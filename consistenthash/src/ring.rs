//! The ring itself.

use std::fmt;
use std::sync::Arc;

use crate::points::Points;
use crate::seats::Seats;
use crate::{Owners, Ranges, Scheme, Ties};

/// Members on a circle of hashes. The owner of a key is the member of the first point at or after
/// the key's hash, going around the circle.
///
/// A ring never changes. When the members change, make another ring of it
/// [`with_members`](Self::with_members). A clone is a reference to the same ring.
///
/// A member is anything that has bytes, and those bytes, verbatim, are its name on the ring:
/// `http://a:80` and `http://a:80/` are two members.
pub struct Ring<M> {
    inner: Arc<Inner<M>>,
}

struct Inner<M> {
    scheme: Scheme,
    points: Points,
    members: Box<[M]>,
    seats: Seats,
    /// How many members own a point. Collisions can leave a member without one.
    owning: usize,
}

impl<M> Ring<M> {
    /// A ring of members that sit on `seats`.
    pub(crate) fn from_parts(
        scheme: Scheme,
        members: Box<[M]>,
        seats: Seats,
        points: Points,
    ) -> Self {
        Self {
            inner: Arc::new(Inner {
                owning: owning(&points, &seats, members.len(), scheme.replica_count()),
                scheme,
                points,
                members,
                seats,
            }),
        }
    }

    pub(crate) fn points(&self) -> &Points {
        &self.inner.points
    }

    pub(crate) fn seats(&self) -> &Seats {
        &self.inner.seats
    }

    /// The member that owns `key`.
    ///
    /// A lookup hashes the key once. It then takes constant time if the hash spreads points evenly,
    /// and `O(log p)` at worst, for `p` points.
    #[inline]
    pub fn owner(&self, key: &[u8]) -> &M {
        &self.inner.members[self.owner_index(key)]
    }

    /// The index in [`members`](Self::members) of the member that owns `key`.
    #[inline]
    pub fn owner_index(&self, key: &[u8]) -> usize {
        self.owner_index_at(self.position(key))
    }

    /// The members in the order in which `key` would fall to them, each once. First comes the
    /// owner, then the member that would own the key without the owner, and so on.
    ///
    /// A member that lost each of its points to a collision owns no key and is left out. `take(n)`
    /// gives the first `n` distinct owners. The iterator allocates nothing for the first eight
    /// owners, and once for all others.
    #[inline]
    pub fn owners(&self, key: &[u8]) -> Owners<'_, M> {
        let Inner {
            scheme,
            points,
            members,
            seats,
            owning,
        } = &*self.inner;
        Owners::new(points.walk(scheme.position(key)), seats, members, *owning)
    }

    /// The members, in the order in which they were listed.
    pub fn members(&self) -> &[M] {
        &self.inner.members
    }

    /// How many members there are; at least one.
    #[allow(clippy::len_without_is_empty, reason = "a ring is never empty")]
    pub fn len(&self) -> usize {
        self.inner.members.len()
    }

    /// The rules by which this ring was built.
    pub fn scheme(&self) -> &Scheme {
        &self.inner.scheme
    }

    /// The position of `key` on the ring, which lies in one of the [`ranges`](Self::ranges).
    ///
    /// A position is the key's hash. A hash of 32 bits fills the upper half.
    #[inline]
    pub fn position(&self, key: &[u8]) -> u64 {
        self.inner.scheme.position(key)
    }

    /// The index in [`members`](Self::members) of the member that owns a position. A picture of the ring asks for the
    /// owners of evenly spaced positions.
    #[inline]
    pub fn owner_index_at(&self, position: u64) -> usize {
        let Inner { points, seats, .. } = &*self.inner;
        seats.member(points.successor(position).seat())
    }

    /// The whole circle in ascending, adjacent, disjoint ranges of positions, each with its owner.
    ///
    /// Neighbouring ranges have different owners. Only the last and the first range, which meet at
    /// zero, may have the same owner.
    pub fn ranges(&self) -> Ranges<'_, M> {
        Ranges::new(self.points(), self.seats(), self.members())
    }

    /// The part of the circle that each member owns, in the order of [`members`](Self::members).
    ///
    /// The shares sum to 1, up to rounding. Each share is positive, except that a member that lost
    /// each of its points to a collision has 0. Takes time `O(p)` for `p` points.
    pub fn shares(&self) -> Vec<f64> {
        let mut owned = vec![0_u128; self.len()];
        for (range, owner) in self.ranges().with_indices() {
            owned[owner] += u128::from(range.end() - range.start()) + 1;
        }
        owned
            .into_iter()
            .map(|width| width as f64 / 2_f64.powi(64))
            .collect()
    }
}

impl<M: AsRef<[u8]>> Ring<M> {
    /// A number that is the same for rings of equal schemes and equal members, in whatever order these are listed, and
    /// most likely another one for any other ring.
    ///
    /// Processes that compare it find out whether they agree on every owner. With [`Ties::LastListed`](crate::Ties) the
    /// order of the list decides about points that members share, and rings that differ in that alone have the same
    /// number. It is XXH3 (64 bits, seed 0) of
    ///
    /// - the number of replicas, as four little-endian bytes,
    /// - a byte for the rule of ties: 0 for `LastListed`, 1 for `GreatestName`,
    /// - for each member, in the order of the names' bytes: the length of the name, as four little-endian bytes; the
    ///   name; the position of the name as a key, and the position of the member's first label, as eight little-endian
    ///   bytes each.
    ///
    /// So it tells hash functions and labels apart by what they do, also those of one's own. Takes time `O(m log m)` for
    /// `m` members.
    pub fn fingerprint(&self) -> u64 {
        let scheme = self.scheme();
        let mut names: Vec<&[u8]> = self.members().iter().map(M::as_ref).collect();
        names.sort_unstable();
        let mut text = scheme.replica_count().to_le_bytes().to_vec();
        text.push(match scheme.tie_rule() {
            Ties::LastListed => 0,
            Ties::GreatestName => 1,
        });
        let (first, mut scratch) = (scheme.replicas(1), Vec::new());
        for name in names {
            text.extend_from_slice(&(name.len() as u32).to_le_bytes());
            text.extend_from_slice(name);
            text.extend_from_slice(&scheme.position(name).to_le_bytes());
            first.visit_points(name, &mut scratch, |position| {
                text.extend_from_slice(&position.to_le_bytes());
            });
        }
        xxhash_rust::xxh3::xxh3_64(&text)
    }
}

impl<M> Clone for Ring<M> {
    /// Another reference to the same ring.
    fn clone(&self) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
        }
    }
}

impl<M: fmt::Debug> fmt::Debug for Ring<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ring")
            .field("scheme", &self.inner.scheme)
            .field("members", &self.inner.members)
            .field("points", &self.inner.points.len())
            .finish()
    }
}

/// How many members own a point: those that did not lose all of theirs.
fn owning(points: &Points, seats: &Seats, members: usize, replicas: u32) -> usize {
    if points.lost().is_empty() {
        return members;
    }
    let mut lost = vec![0; seats.len()];
    for point in points.lost() {
        lost[point.seat()] += 1;
    }
    members - lost.into_iter().filter(|lost| *lost == replicas).count()
}
