use std::collections::HashMap;

use peers::Router;

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

/// How many changes peers have yet to be told, by the peers' ids.
pub(crate) type PendingHints = HashMap<Box<str>, u64>;

impl RingReport {
    pub(crate) fn new(router: &Router, hints: &PendingHints) -> Self {
        let routes = router.snapshot();
        let scheme = router.scheme();
        let peers = routes.peers().iter().zip(routes.shares());
        let peers = peers.map(|(peer, share)| {
            let hints = hints.get(peer.member().id()).copied().unwrap_or_default();
            PeerReport::new(peer.member().clone(), peer.status(), *share, hints)
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
