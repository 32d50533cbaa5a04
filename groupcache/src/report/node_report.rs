use std::time::Duration;

use peers::{Distribution, Member, Protocol};

use super::discovery_report::DiscoveryReport;
use super::group_report::GroupReport;
use super::inbound_report::InboundReport;
use super::peer_report::PeerReport;
use super::ring_report::RingReport;
use crate::{Stats, Usage};

/// What a node tells of itself, as a snapshot; from [`Node::report`](crate::Node::report).
///
/// Everything in it is bounded: by the numbers of members and groups, and by the limits of the lists. With the feature
/// `serde` a report serializes: times that passed in seconds, moments in milliseconds since 1970, keys as text,
/// distributions as `count`, `sum`, `max`, `p50`, `p90` and `p99`.
///
/// ```
/// use groupcache::{Key, Node};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), groupcache::Error> {
/// let node = Node::builder("http://127.0.0.1:8080").start().await?;
/// let group = node.group("g", 1 << 20, |key: Key| async move {
///     Ok::<_, std::convert::Infallible>(key.to_vec())
/// });
/// let group = group.build()?;
/// group.get("k").await?;
///
/// let report = node.report();
/// assert_eq!(report.stats(), group.stats());
/// assert_eq!(report.groups[0].getter.count, 1);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct NodeReport {
    /// This node as a member of the cluster.
    pub member: Member,
    /// The [label](crate::NodeBuilder::cluster) of the cluster, if it has one.
    pub cluster: Option<String>,
    /// The wire format in which this node asks its peers.
    pub protocol: Protocol,
    /// The version of this crate.
    pub version: &'static str,
    /// The time since the node was started.
    #[cfg_attr(
        feature = "serde",
        serde(serialize_with = "super::serialized::seconds")
    )]
    pub uptime: Duration,
    /// The node's wall clock at the time of the report, in milliseconds since 1970. Compare it with those of other
    /// nodes: expiries travel as moments.
    pub unix_ms: u64,
    /// Whether the keys in this report are [hidden](crate::NodeBuilder::hide_keys).
    pub keys_are_hidden: bool,
    /// The connections that others have made to the node's own server; `None` without one.
    pub inbound: Option<InboundReport>,
    /// The bytes of the bodies of peers' requests that are being received at the moment.
    pub request_bytes_in_flight: usize,
    /// The bytes of peers' answers that are being received at the moment; `None` if the transport does not know.
    pub answer_bytes_in_flight: Option<usize>,
    /// The ring, and how this node stands with each member.
    pub ring: RingReport,
    /// The groups, in the order of their names.
    pub groups: Vec<GroupReport>,
    /// How the node stands with its [source of members](crate::NodeBuilder::discovery); `None` without one, and after
    /// the node has left it.
    pub discovery: Option<DiscoveryReport>,
}

impl NodeReport {
    /// Takes out the texts of failed exchanges: a peer of another implementation may have put its getter's error, and with
    /// it a key, into its answer.
    pub(crate) fn hide_texts_of_peers(&mut self) {
        let of_groups = self
            .groups
            .iter_mut()
            .filter_map(|group| group.ring.as_mut());
        for ring in std::iter::once(&mut self.ring).chain(of_groups) {
            let failures = ring.peers.iter_mut().flat_map(|peer| &mut peer.failures);
            failures.for_each(|failure| failure.text = "hidden, as keys are".into());
        }
    }
}

/// # Sums
impl NodeReport {
    /// The counters of all groups.
    pub fn stats(&self) -> Stats {
        self.groups.iter().map(|group| &group.stats).sum()
    }

    /// The memory of all groups.
    pub fn usage(&self) -> Usage {
        self.groups.iter().map(|group| &group.usage).sum()
    }

    /// The members of the ring that this node gets no values from at the moment.
    pub fn peers_down(&self) -> impl Iterator<Item = &PeerReport> {
        let peers = self.ring.peers.iter();
        peers.filter(|peer| peer.health.is_down())
    }

    /// The times of answered gets from all members of the ring, in nanoseconds.
    pub fn fetches(&self) -> Distribution {
        self.ring.peers.iter().map(|peer| &peer.fetches).sum()
    }
}
