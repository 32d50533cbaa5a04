//! What a node tells of itself.

use std::time::SystemTime;

use peers::Server;

use super::node::Node;
use crate::report::{InboundReport, NodeReport, RingPicture, RingReport};

/// # Reports
impl Node {
    /// What the node tells of itself and its groups: who owns how much, what is hot, which peer is ill, whether the
    /// budgets are right, and what failed last. A plain snapshot, which holds no hit up.
    ///
    /// It is made to be taken once a second: it takes less than 5 µs for each member, and about twice as long as
    /// [`Group::usage`](crate::Group::usage) for each group. The first report after a change of the members adds up the
    /// points of the ring, which takes about 20 ms for 1,000 members of the native scheme.
    pub fn report(&self) -> NodeReport {
        let host = &self.0.host;
        let groups = host.groups.list();
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let mut report = NodeReport {
            member: self.member().clone(),
            cluster: host.cluster.clone(),
            protocol: host.protocol,
            version: env!("CARGO_PKG_VERSION"),
            uptime: host.started.elapsed(),
            unix_ms: u64::try_from(since.unwrap_or_default().as_millis()).unwrap_or(u64::MAX),
            keys_are_hidden: host.key_mask.hides(),
            inbound: self.0.server.lock().as_ref().map(inbound),
            request_bytes_in_flight: self.0.service.body_bytes_in_flight(),
            answer_bytes_in_flight: host.router.transport().body_bytes_in_flight(),
            ring: RingReport::new(&host.router, host.groups.coherence()),
            groups: groups
                .iter()
                .map(|group| group.0.report(&host.router))
                .collect(),
            discovery: self.discovery().map(Into::into),
        };
        if report.keys_are_hidden {
            report.hide_texts_of_peers();
        }
        report
    }

    /// The owners of evenly spaced points of the ring, for a picture of it. At most 65,536 points.
    pub fn ring_picture(&self, points: usize) -> RingPicture {
        RingPicture::new(&self.0.host.router, points)
    }
}

fn inbound(server: &Server) -> InboundReport {
    let connections = server.connections();
    InboundReport {
        open: connections.open,
        limit: connections.limit,
        accepted: connections.accepted,
    }
}
