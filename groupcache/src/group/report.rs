//! What a group tells of itself.

use std::sync::Arc;

use peers::Router;

use super::inner::Inner;
use crate::report::{FlightsUnderWay, GetTimes, GroupReport, PendingHints, RingReport};

impl Inner {
    /// A snapshot for reports.
    pub(crate) fn report(&self, of_node: &Arc<Router>) -> GroupReport {
        GroupReport {
            name: (*self.name).into(),
            stats: self.stats(),
            usage: self.store.usage(),
            gets: GetTimes::default(),
            getter: Default::default(),
            value_sizes: Default::default(),
            flights: FlightsUnderWay {
                fetches: self.fetches.running(),
                loads: self.loads.running(),
                limit: self.limits.max_flights,
            },
            hot_keys: Vec::new(),
            failures: Vec::new(),
            paused_keys: self.failures.count(),
            evictions: self.store.evictions(),
            promoter: self.promoter.name(),
            ring: self.ring_report(of_node),
        }
    }

    /// The ring of a group that has members of its own.
    fn ring_report(&self, of_node: &Arc<Router>) -> Option<RingReport> {
        if Arc::ptr_eq(&self.router, of_node) {
            return None;
        }
        let mut hints = PendingHints::default();
        self.add_pending_hints(&self.router, &mut hints);
        Some(RingReport::new(&self.router, &hints))
    }

    /// Adds the keys that the members of a ring have yet to forget, if it is the group's.
    pub(crate) fn add_pending_hints(&self, ring: &Arc<Router>, hints: &mut PendingHints) {
        if Arc::ptr_eq(&self.router, ring) {
            for (peer, count) in self.coherence.pending_hints_by_peer() {
                *hints.entry(peer).or_default() += count;
            }
        }
    }
}
