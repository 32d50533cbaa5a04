use std::time::Instant;

use serde::Serialize;

use super::advice::Advice;
use super::history::{History, Recent};
use crate::{Node, NodeReport, RingPicture};

/// The points of the ring's picture.
const POINTS: usize = 360;

/// Everything that the page shows of a node at one moment, and its form in JSON.
#[derive(Debug, Serialize)]
pub(super) struct Snapshot {
    pub(super) report: NodeReport,
    pub(super) ring_picture: RingPicture,
    /// Beside the groups of the report, in the same order.
    pub(super) lately: Vec<Lately>,
}

/// What the page has found out about a group beyond the report.
#[derive(Debug, Serialize)]
pub(super) struct Lately {
    pub(super) group: String,
    #[serde(flatten)]
    pub(super) recent: Recent,
    pub(super) advice: Advice,
}

impl Snapshot {
    /// What the node tells of itself.
    pub(super) fn look_at(node: &Node) -> (NodeReport, RingPicture) {
        (node.report(), node.ring_picture(POINTS))
    }

    pub(super) fn new(report: NodeReport, ring_picture: RingPicture, history: &History) -> Self {
        let now = Instant::now();
        let lately = report.groups.iter().map(|group| {
            let recent = history.recent(now, group);
            Lately {
                group: group.name.clone(),
                advice: Advice::new(&group.usage, &recent),
                recent,
            }
        });
        Self {
            lately: lately.collect(),
            report,
            ring_picture,
        }
    }
}
