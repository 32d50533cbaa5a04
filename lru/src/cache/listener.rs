use allocator_api2::alloc::Allocator;

use super::Cache;
use crate::Removed;

impl<K, V, S, C, A: Allocator + Clone> Cache<K, V, S, C, A> {
    /// Calls `listener` with every entry that leaves: what makes room, has expired, is replaced or is removed.
    ///
    /// The thread that makes the entry leave calls it, after it has released all locks, and before its call of the cache
    /// returns. A lookup makes no entry leave but one that has expired. Two threads may call the listener at the same
    /// time, so that it may hear of two entries of one key in another order than they left. If it panics, the panic goes to
    /// the caller of the cache; entries that left with this one are not told of then. The call ends there: a
    /// [`clear`](Self::clear) or a [`retain`](Self::retain) leaves the shards that it has not come to as they are.
    ///
    /// ```
    /// use std::sync::atomic::{AtomicUsize, Ordering};
    /// use std::sync::Arc;
    /// use lru::{Cache, Cause};
    ///
    /// let gone = Arc::new(AtomicUsize::new(0));
    /// let counted = Arc::clone(&gone);
    /// let cache: Cache<&str, u32> = Cache::new(100).listener(move |entry| {
    ///     assert_eq!((entry.key, entry.cause), ("a", Cause::Capacity));
    ///     counted.fetch_add(1, Ordering::Relaxed);
    /// });
    /// cache.insert("a", 1, 60)?;
    /// cache.insert("b", 2, 60)?;
    /// assert_eq!(gone.load(Ordering::Relaxed), 1);
    /// # Ok::<(), lru::InsertError<&str, u32>>(())
    /// ```
    #[must_use]
    pub fn listener(mut self, listener: impl Fn(&Removed<K, V>) + Send + Sync + 'static) -> Self {
        self.listener = Some(Box::new(listener));
        self
    }

    /// Tells the listener of entries that have left. No lock may be held.
    #[inline]
    pub(super) fn tell<'a>(&self, removed: impl IntoIterator<Item = &'a Removed<K, V>>)
    where
        K: 'a,
        V: 'a,
    {
        if let Some(listener) = &self.listener {
            removed.into_iter().for_each(listener);
        }
    }
}
