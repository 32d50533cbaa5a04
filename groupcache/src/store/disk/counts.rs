use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::stats::Stats;

/// What a disk has done so far.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) hits: AtomicU64,
    pub(super) writes: AtomicU64,
    pub(super) not_worth: AtomicU64,
    pub(super) shed: AtomicU64,
    pub(super) lost: AtomicU64,
    pub(super) errors: AtomicU64,
    pub(super) restored: AtomicU64,
    pub(super) dropped: AtomicU64,
}

/// Counts one.
pub(super) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Relaxed);
}

impl Counts {
    pub(super) fn add_to(&self, stats: &mut Stats) {
        stats.disk_hits = self.hits.load(Relaxed);
        stats.disk_writes = self.writes.load(Relaxed);
        stats.disk_shed = self.shed.load(Relaxed);
        stats.disk_lost = self.lost.load(Relaxed);
        stats.disk_errors = self.errors.load(Relaxed);
    }
}
