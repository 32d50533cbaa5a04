//! The ring itself.

use std::fmt;
use std::sync::Arc;

use crate::points::{MAX_POINTS, Point, Points};
use crate::{Error, Owners, Ranges, Scheme, Ties};

/// Members on a circle of hashes. The owner of a key is the member of the first point at or after
/// the key's hash, going around the circle.
///
/// A ring never changes. When the members change, build another ring. A clone is a reference to the
/// same ring.
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
    /// How many members own a point. Collisions can leave a member without one.
    owning: usize,
}

impl<M: AsRef<[u8]>> Ring<M> {
    /// Builds the ring of `members` by the rules of `scheme`.
    ///
    /// Takes time `O(p log p)` for `p` points: about half a millisecond for ten members by the native
    /// scheme.
    ///
    /// # Errors
    ///
    /// Returns an error for an empty list, a member listed twice, zero replicas, or more than
    /// [`MAX_POINTS`] points.
    pub fn new(scheme: Scheme, members: impl IntoIterator<Item = M>) -> Result<Self, Error> {
        let members: Box<[M]> = members.into_iter().collect();
        let replicas = scheme.replica_count();
        if members.is_empty() {
            return Err(Error::no_members());
        }
        if replicas == 0 {
            return Err(Error::no_replicas());
        }
        let count = members
            .len()
            .checked_mul(replicas as usize)
            .filter(|count| *count <= MAX_POINTS)
            .ok_or_else(|| Error::too_many_points(members.len(), replicas))?;

        let rank = rank(&members, scheme.tie_rule())?;
        let mut points = Vec::with_capacity(count);
        let mut scratch = Vec::new();
        for (owner, member) in (0..).zip(&members) {
            scheme.visit_points(member.as_ref(), &mut scratch, |position| {
                points.push(Point::new(position, owner));
            });
        }
        let points = Points::new(&points, &rank);

        let mut owns = vec![false; members.len()];
        for at in 0..points.len() {
            owns[points.owner(at)] = true;
        }
        let owning = owns.iter().filter(|owns| **owns).count();
        Ok(Self {
            inner: Arc::new(Inner {
                scheme,
                points,
                members,
                owning,
            }),
        })
    }
}

/// Each member's rank at a shared point: the greatest rank wins. An error if two members have the
/// same name.
fn rank<M: AsRef<[u8]>>(members: &[M], ties: Ties) -> Result<Vec<u32>, Error> {
    let name = |i: u32| members[i as usize].as_ref();
    let mut by_name: Vec<u32> = (0..members.len() as u32).collect();
    by_name.sort_unstable_by(|a, b| name(*a).cmp(name(*b)));
    if let Some(twins) = by_name
        .windows(2)
        .find(|pair| name(pair[0]) == name(pair[1]))
    {
        return Err(Error::duplicate_member(name(twins[0])));
    }
    Ok(match ties {
        Ties::LastListed => (0..members.len() as u32).collect(),
        Ties::GreatestName => {
            let mut rank = vec![0; members.len()];
            for (place, member) in (0..).zip(by_name) {
                rank[member as usize] = place;
            }
            rank
        }
    })
}

impl<M> Ring<M> {
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
        let Inner { scheme, points, .. } = &*self.inner;
        points.owner(points.successor(scheme.position(key)))
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
            owning,
        } = &*self.inner;
        Owners::new(
            points,
            members,
            points.successor(scheme.position(key)),
            *owning,
        )
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

    /// The whole circle in ascending, adjacent, disjoint ranges of positions, each with its owner.
    ///
    /// Neighbouring ranges have different owners. Only the last and the first range, which meet at
    /// zero, may have the same owner.
    pub fn ranges(&self) -> Ranges<'_, M> {
        Ranges::new(&self.inner.points, &self.inner.members)
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
