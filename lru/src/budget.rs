use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// The bytes that the shards of a cache have in common.
///
/// Bytes are taken before an entry is stored and given back after one has left, always under the
/// lock of the entry's shard. So `used` is never less than what the entries take up, never more
/// than the limit (but while a lower one is being brought about), and the two agree whenever no
/// shard is locked. It is written when entries come and go, never by a lookup.
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

    /// To be called with all shards locked: an insert that has seen the old limit is then over.
    pub(crate) fn set_limit(&self, limit: usize) {
        self.limit.store(limit, Relaxed);
    }

    #[inline]
    pub(crate) fn used(&self) -> usize {
        self.used.load(Relaxed)
    }

    /// Takes `bytes`, or nothing if they are not there. Nothing, as when an entry is replaced by one of its size, is
    /// always there.
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
