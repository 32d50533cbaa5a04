use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// The bytes that the shards of a cache have in common.
///
/// A shard takes bytes before it stores an entry and gives them back after an entry has left, always
/// under its lock. So `used` is never less than the sum of the charges, and equals the sum whenever no
/// shard is locked. `used` never exceeds the limit, except while `set_budget` lowers the limit. Inserts
/// and departures write `used`; a hit never does.
///
/// Relaxed ordering suffices: `used` is a sum and guards no other memory, and `limit` changes only
/// while all shards are locked.
#[derive(Debug)]
pub(crate) struct Budget {
    limit: AtomicUsize,
    used: AtomicUsize,
}

impl Budget {
    pub(crate) const fn new(limit: usize) -> Self {
        Self {
            limit: AtomicUsize::new(limit),
            used: AtomicUsize::new(0),
        }
    }

    #[inline]
    pub(crate) fn limit(&self) -> usize {
        self.limit.load(Relaxed)
    }

    /// To be called with all shards locked. Then no insert that has read the old limit is still running.
    pub(crate) fn set_limit(&self, limit: usize) {
        self.limit.store(limit, Relaxed);
    }

    #[inline]
    pub(crate) fn used(&self) -> usize {
        self.used.load(Relaxed)
    }

    /// Takes `bytes` and returns true, or takes nothing and returns false if the limit leaves less
    /// room. Taking zero bytes always succeeds: a replacement of the same size needs no room.
    #[inline]
    pub(crate) fn try_take(&self, bytes: usize) -> bool {
        if bytes == 0 {
            return true;
        }
        let limit = self.limit();
        let take = |used: usize| used.checked_add(bytes).filter(|&used| used <= limit);
        self.used.fetch_update(Relaxed, Relaxed, take).is_ok()
    }

    #[inline]
    pub(crate) fn give_back(&self, bytes: usize) {
        if bytes > 0 {
            self.used.fetch_sub(bytes, Relaxed);
        }
    }
}
