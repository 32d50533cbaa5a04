use std::collections::BTreeMap;

use peers::{Distribution, Health};

use crate::{NodeReport, PeerReport};

/// The peers that a node asks, in the order of their ids, without the node itself. A peer that is on several rings is one
/// peer. Peers beyond the limit are added up, but for their times, in the last one, whose name is [`OTHER`].
pub(super) struct MeasuredPeers {
    pub(super) peers: Vec<(Box<str>, MeasuredPeer)>,
    /// The number of peers by their health. A peer that is on several rings counts once for each.
    pub(super) by_health: BTreeMap<&'static str, u64>,
}

/// The name of the peers beyond the limit.
const OTHER: &str = "other";

#[derive(Clone, Debug, Default)]
pub(super) struct MeasuredPeer {
    /// How many of these peers give no values.
    pub(super) down: u64,
    pub(super) in_flight: u64,
    pub(super) busy_connections: u64,
    pub(super) idle_connections: u64,
    /// How many of these peers lack changes.
    pub(super) behind: u64,
    pub(super) share: f64,
    /// Unknown of the peers beyond the limit.
    pub(super) clock_ahead_ms: Option<i64>,
    pub(super) fetches: Distribution,
}

const HEALTHS: [Health; 5] = [
    Health::NeverAsked,
    Health::Well,
    Health::Failing,
    Health::LeftAlone,
    Health::RefusesThisNode,
];

impl MeasuredPeers {
    pub(super) fn new(report: &NodeReport, most: usize) -> Self {
        let mut by_health: BTreeMap<_, _> =
            HEALTHS.iter().map(|health| (health.name(), 0)).collect();
        let mut by_id = BTreeMap::<&str, MeasuredPeer>::new();
        let own = [(&report.ring, true)];
        let of_groups = report.groups.iter().filter_map(|group| group.ring.as_ref());
        for (ring, is_nodes) in own.into_iter().chain(of_groups.map(|ring| (ring, false))) {
            for peer in ring.peers.iter().filter(|peer| !peer.is_this_node()) {
                *by_health.entry(peer.health.name()).or_default() += 1;
                by_id
                    .entry(peer.member.id())
                    .or_default()
                    .see(peer, is_nodes);
            }
        }
        let mut peers = Vec::with_capacity(by_id.len().min(most + 1));
        let mut other: Option<MeasuredPeer> = None;
        for (number, (id, peer)) in by_id.into_iter().enumerate() {
            // Two metrics with the same labels would make all of them unreadable.
            if number < most && id != OTHER {
                peers.push((id.into(), peer));
            } else {
                other.get_or_insert_default().add(&peer);
            }
        }
        peers.extend(other.map(|other| (OTHER.into(), other)));
        Self { peers, by_health }
    }
}

impl MeasuredPeer {
    /// Adds what is known of the peer by one of the rings.
    fn see(&mut self, peer: &PeerReport, is_nodes: bool) {
        let (open, idle) = peer
            .connections
            .map_or((0, 0), |connections| (connections.open, connections.idle));
        // A peer that is down by two rings is one peer.
        self.down = self.down.max(u64::from(peer.health.is_down()));
        self.in_flight += peer.in_flight as u64;
        self.busy_connections += open.saturating_sub(idle) as u64;
        self.idle_connections += idle as u64;
        self.behind = self.behind.max(u64::from(peer.is_behind));
        let ahead_ms = peer.clock.map(|clock| clock.ahead_ms);
        self.clock_ahead_ms = ahead_ms.or(self.clock_ahead_ms);
        if is_nodes {
            self.share = peer.share;
        }
        self.fetches += &peer.fetches;
    }

    /// Adds another peer.
    fn add(&mut self, other: &Self) {
        self.down += other.down;
        self.in_flight += other.in_flight;
        self.busy_connections += other.busy_connections;
        self.idle_connections += other.idle_connections;
        self.behind += other.behind;
        self.share += other.share;
        // Not the times: as peers come and go among the others, their sums would go down, which counters must not.
    }
}
