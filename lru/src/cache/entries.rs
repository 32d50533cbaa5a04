use std::{fmt, iter::FusedIterator, ops::Range, vec};

use super::{BATCH, Cache};
use crate::{Clock, Present, shard::Shard};

/// The live entries of a [`Cache`]. [`Cache::entries`] makes this iterator.
pub struct Entries<'a, K, V, S, C> {
    cache: &'a Cache<K, V, S, C>,
    /// The shards that have not been begun.
    shards: Range<usize>,
    slots: Slots,
    batch: vec::IntoIter<Present<K, V>>,
}

/// The slots of a shard that are still to be looked at.
///
/// They are looked at from the last to the first, because a shrinking table moves entries to lower slots. So an entry
/// that is moved is seen again rather than not at all.
#[derive(Debug)]
pub(super) struct Slots {
    pub(super) shard: usize,
    left: Range<u32>,
}

impl Slots {
    /// All slots of a shard.
    pub(super) fn all<K, V, S, C>(cache: &Cache<K, V, S, C>, shard: usize) -> Self {
        let slots = cache.shards.read(shard, |shard| shard.table().slots());
        Self {
            shard,
            left: 0..slots,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.left.is_empty()
    }

    /// What `look` makes of the next few occupied slots, while the shard is locked.
    pub(super) fn next_batch<K, V, S, C, T>(
        &mut self,
        cache: &Cache<K, V, S, C>,
        look: impl Fn(&Shard<K, V>, u32) -> Option<T>,
    ) -> Vec<T> {
        let left = &mut self.left;
        cache.shards.read(self.shard, |shard| {
            let slots = left.by_ref().rev().take(BATCH);
            slots.filter_map(|slot| look(shard, slot)).collect()
        })
    }
}

impl<K, V, S, C: Clock> Cache<K, V, S, C> {
    /// All live entries, in no order. The policy does not take notice, and the counters do not change.
    ///
    /// The iterator stops nobody: it looks at up to 64 slots at a time, holds the lock of their shard for so long, and no
    /// lock between two calls of `next`. So it is not a picture of one moment. An entry that stays during the whole
    /// iteration, or that is replaced by another of its key, is seen at least once, and twice only if other threads remove
    /// entries meanwhile. An entry that comes or goes meanwhile may or may not be seen. The iteration ends, however many
    /// entries come: each shard is looked at up to the slots that it had when the iterator came to it.
    ///
    /// ```
    /// use lru::Cache;
    ///
    /// let cache: Cache<String, u32> = Cache::new(1 << 20);
    /// cache.insert("a".into(), 1, 10)?;
    /// cache.insert("b".into(), 2, 10)?;
    /// let mut keys: Vec<_> = cache.entries().map(|entry| entry.key).collect();
    /// keys.sort();
    /// assert_eq!(keys, ["a", "b"]);
    /// # Ok::<(), lru::InsertError<String, u32>>(())
    /// ```
    pub fn entries(&self) -> Entries<'_, K, V, S, C> {
        Entries {
            cache: self,
            shards: 1..self.shards.len(),
            slots: Slots::all(self, 0),
            batch: Vec::new().into_iter(),
        }
    }
}

impl<K: Clone, V: Clone, S, C: Clock> Iterator for Entries<'_, K, V, S, C> {
    type Item = Present<K, V>;

    fn next(&mut self) -> Option<Self::Item> {
        let (cache, clock) = (self.cache, &self.cache.clock);
        loop {
            if let Some(entry) = self.batch.next() {
                return Some(entry);
            }
            if self.slots.is_empty() {
                self.slots = Slots::all(cache, self.shards.next()?);
            }
            let present = |shard: &Shard<K, V>, slot| shard.present(slot, clock);
            self.batch = self.slots.next_batch(cache, present).into_iter();
        }
    }

    /// At least the entries that the iterator has looked at already, of which it keeps clones.
    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.batch.len(), None)
    }
}

impl<K: Clone, V: Clone, S, C: Clock> FusedIterator for Entries<'_, K, V, S, C> {}

impl<K, V, S, C> fmt::Debug for Entries<'_, K, V, S, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entries")
            .field("shards", &self.shards)
            .field("slots", &self.slots)
            .finish_non_exhaustive()
    }
}
