//! What a group tells of itself.

use std::sync::Arc;

use peers::{Peer, Router};

use super::inner::Inner;
use crate::report::{FlightsUnderWay, GroupReport, HotKey, RingReport};

impl Inner {
    /// A snapshot for reports.
    pub(crate) fn report(&self, of_node: &Arc<Router>) -> GroupReport {
        GroupReport {
            name: (*self.name).into(),
            stats: self.stats(),
            usage: self.store.usage(),
            gets: self.measures.get_times(),
            getter: self.measures.getter.distribution(),
            value_sizes: self.measures.value_sizes.distribution(),
            flights: FlightsUnderWay {
                fetches: self.fetches.running(),
                loads: self.loads.running(),
                limit: self.limits.max_flights,
            },
            hot_keys: self.hot_keys(),
            failures: self.measures.failures.list(),
            paused_keys: self.failures.count(),
            evictions: self.store.evictions(),
            promoter: self.promoter.name(),
            ring: self.ring_report(of_node),
        }
    }

    fn hot_keys(&self) -> Vec<HotKey> {
        let routes = self.router.snapshot();
        let hottest = self.rates.hottest(self.clock.now()).into_iter();
        let hot_keys = hottest.map(|(key, per_minute)| {
            let is_own = routes.owner(&key).is_none_or(Peer::is_self);
            HotKey {
                is_own,
                is_mirrored: !is_own && self.store.inspect(&key).is_some(),
                key: self.key_mask.show(&key),
                per_minute,
            }
        });
        hot_keys.collect()
    }

    /// The ring of a group that has members of its own.
    fn ring_report(&self, of_node: &Arc<Router>) -> Option<RingReport> {
        if Arc::ptr_eq(&self.router, of_node) {
            return None;
        }
        Some(RingReport::new(&self.router, &self.coherence))
    }
}
