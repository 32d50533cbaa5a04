use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering::Relaxed};

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
    /// Whether the limit has left too little room since the cache was empty. Written when this changes only.
    reached: AtomicBool,
    /// How often the cache has become empty after that.
    emptied: AtomicU32,
}

impl Budget {
    pub(crate) const fn new(limit: usize) -> Self {
        Self {
            limit: AtomicUsize::new(limit),
            used: AtomicUsize::new(0),
            reached: AtomicBool::new(false),
            emptied: AtomicU32::new(0),
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

    /// Whether the limit has left too little room since the cache was empty.
    #[inline]
    pub(crate) fn was_reached(&self) -> bool {
        self.reached.load(Relaxed)
    }

    /// Whether `bytes` more would exceed the limit at this moment, or others have done so before.
    #[inline]
    pub(crate) fn is_reached(&self, bytes: usize) -> bool {
        self.was_reached() || self.used().saturating_add(bytes) > self.limit()
    }

    /// Whether `bytes` more would leave less than a 64th of the limit, or exceed it.
    #[inline]
    pub(crate) fn is_scarce(&self, bytes: usize) -> bool {
        let limit = self.limit();
        self.used().saturating_add(bytes) > limit - limit / 64
    }

    /// How often the cache has become empty after the limit was reached.
    #[inline]
    pub(crate) fn emptied(&self) -> u32 {
        self.emptied.load(Relaxed)
    }

    /// Takes `bytes` in exchange for `spare` bytes, which have been taken before, and returns true. Or takes
    /// nothing and returns false if the limit leaves less room. Taking no more than before always succeeds: a
    /// replacement of the same size needs no room.
    #[inline]
    pub(crate) fn try_take(&self, bytes: usize, spare: usize) -> bool {
        let Some(bytes) = bytes.checked_sub(spare).filter(|&more| more > 0) else {
            self.give_back(spare - bytes);
            return true;
        };
        let limit = self.limit();
        let take = |used: usize| used.checked_add(bytes).filter(|&used| used <= limit);
        let taken = self.used.fetch_update(Relaxed, Relaxed, take).is_ok();
        if !taken && !self.was_reached() {
            self.reached.store(true, Relaxed);
        }
        taken
    }

    #[inline]
    pub(crate) fn give_back(&self, bytes: usize) {
        if bytes == 0 {
            return;
        }
        let used = self.used.fetch_sub(bytes, Relaxed);
        if used == bytes && self.was_reached() {
            self.reached.store(false, Relaxed);
            self.emptied.fetch_add(1, Relaxed);
        }
    }
}
