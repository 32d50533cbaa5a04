use peers::{Member, Router};

/// Who owns which part of a ring, coarsely: what a picture of it needs; from
/// [`Node::ring_picture`](crate::Node::ring_picture).
///
/// A member's points are spread over the whole ring, so its arcs are many and small. The exact share of each member is
/// in the [report](crate::PeerReport::share).
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct RingPicture {
    /// The members, in listing order.
    pub members: Vec<Member>,
    /// For each of the evenly spaced points of the ring, from the ring's beginning on, the index of its owner in
    /// [`members`](Self::members). Empty if there are no members.
    pub owners: Vec<usize>,
}

/// The most points of a picture.
const MOST_POINTS: usize = 1 << 16;

impl RingPicture {
    pub(crate) fn new(router: &Router, points: usize) -> Self {
        let routes = router.snapshot();
        let Some(ring) = routes.ring() else {
            return Self {
                members: Vec::new(),
                owners: Vec::new(),
            };
        };
        let members = ring.members().iter().map(|peer| peer.member().clone());
        let points = points.min(MOST_POINTS) as u64;
        let step = |point| (u128::from(point) << 64) / u128::from(points);
        Self {
            members: members.collect(),
            owners: (0..points)
                .map(|point| ring.owner_index_at(step(point) as u64))
                .collect(),
        }
    }
}
