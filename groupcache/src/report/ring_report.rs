use peers::{Coherence, Router};

use super::peer_report::PeerReport;

/// A ring, and how this node stands with its members.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct RingReport {
    /// A number that is the same on all nodes that have this ring: the same members by id, and the same scheme. Their
    /// order does not count, and neither do their URLs. [`Ring::fingerprint`](crate::peers::consistenthash::Ring::fingerprint)
    /// says how it is computed. Zero if there are no members. It serializes as 16 hexadecimal digits, because many readers
    /// of JSON round large numbers.
    #[cfg_attr(
        feature = "serde",
        serde(serialize_with = "super::serialized::hexadecimal")
    )]
    pub fingerprint: u64,
    /// The name of the ring's hash function, such as `xxh3`.
    pub hash: &'static str,
    /// The name of the rule by which members are placed, such as `name-then-number`.
    pub labels: &'static str,
    /// The name of the rule for points that members share, such as `greatest-name`.
    pub ties: &'static str,
    /// Points of each member.
    pub replicas: u32,
    /// The members in listing order, this node included unless it is not on the ring.
    pub peers: Vec<PeerReport>,
}

impl RingReport {
    pub(crate) fn new(router: &Router, coherence: &Coherence) -> Self {
        let routes = router.snapshot();
        let scheme = router.scheme();
        let peers = routes.peers().iter().zip(routes.shares());
        let peers = peers.map(|(peer, share)| {
            let is_behind = coherence.is_behind(peer.member());
            PeerReport::new(peer.member().clone(), peer.status(), *share, is_behind)
        });
        Self {
            fingerprint: routes.fingerprint(),
            hash: scheme.hash_fn().name(),
            labels: scheme.label_rule().name(),
            ties: scheme.tie_rule().name(),
            replicas: scheme.replica_count(),
            peers: peers.collect(),
        }
    }
}
