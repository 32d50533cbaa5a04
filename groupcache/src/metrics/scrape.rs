use super::measured_peers::MeasuredPeers;
use crate::NodeReport;

/// What is read for one scrape.
pub(crate) struct Scrape {
    pub(super) report: NodeReport,
    pub(super) peers: MeasuredPeers,
}

impl Scrape {
    /// Reads a report, in which at most `max_peers` peers have metrics of their own.
    pub(crate) fn new(report: NodeReport, max_peers: usize) -> Self {
        Self {
            peers: MeasuredPeers::new(&report, max_peers),
            report,
        }
    }
}
