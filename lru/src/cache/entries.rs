use std::{fmt, iter::FusedIterator, ops::Range, vec};

use allocator_api2::alloc::{Allocator, Global};

use super::{BATCH, Cache, cloned_parts};
use crate::{Clock, Present, shard::Shard};

/// The live entries of a [`Cache`]. [`Cache::entries`] makes this iterator.
pub struct Entries<'a, K, V, S, C, A: Allocator = Global, L = K, M = V> {
    cache: &'a Cache<K, V, S, C, A>,
    /// The shards that have not been begun.
    shards: Range<usize>,
    slots: Slots,
    look: fn(&K, &V) -> (L, M),
    batch: vec::IntoIter<Present<L, M>>,
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
    pub(super) fn all<K, V, S, C, A: Allocator + Clone>(
        cache: &Cache<K, V, S, C, A>,
        shard: usize,
    ) -> Self {
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
    pub(super) fn next_batch<K, V, S, C, A: Allocator + Clone, T>(
        &mut self,
        cache: &Cache<K, V, S, C, A>,
        look: impl Fn(&Shard<K, V, A>, u32) -> Option<T>,
    ) -> Vec<T> {
        let left = &mut self.left;
        cache.shards.read(self.shard, |shard| {
            let slots = left.by_ref().rev().take(BATCH);
            slots.filter_map(|slot| look(shard, slot)).collect()
        })
    }
}

impl<K, V, S, C: Clock, A: Allocator + Clone> Cache<K, V, S, C, A> {
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
    pub fn entries(&self) -> Entries<'_, K, V, S, C, A>
    where
        K: Clone,
        V: Clone,
    {
        self.entries_with(cloned_parts)
    }

    /// As [`entries`](Self::entries), with what `look` makes of each key and value in place of clones. `look` runs under the lock of
    /// a shard, and must not call the cache.
    pub fn entries_with<L, M>(
        &self,
        look: fn(&K, &V) -> (L, M),
    ) -> Entries<'_, K, V, S, C, A, L, M> {
        Entries {
            look,
            cache: self,
            shards: 1..self.shards.len(),
            slots: Slots::all(self, 0),
            batch: Vec::new().into_iter(),
        }
    }
}

impl<K, V, S, C: Clock, A: Allocator + Clone, L, M> Iterator for Entries<'_, K, V, S, C, A, L, M> {
    type Item = Present<L, M>;

    fn next(&mut self) -> Option<Self::Item> {
        let (cache, clock, look) = (self.cache, &self.cache.clock, self.look);
        loop {
            if let Some(entry) = self.batch.next() {
                return Some(entry);
            }
            if self.slots.is_empty() {
                self.slots = Slots::all(cache, self.shards.next()?);
            }
            let present = |shard: &Shard<K, V, A>, slot| shard.present(slot, clock, look);
            self.batch = self.slots.next_batch(cache, present).into_iter();
        }
    }

    /// At least the entries that the iterator has looked at already, of which it keeps clones.
    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.batch.len(), None)
    }
}

impl<K, V, S, C: Clock, A: Allocator + Clone, L, M> FusedIterator
    for Entries<'_, K, V, S, C, A, L, M>
{
}

impl<K, V, S, C, A: Allocator, L, M> fmt::Debug for Entries<'_, K, V, S, C, A, L, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entries")
            .field("shards", &self.shards)
            .field("slots", &self.slots)
            .finish_non_exhaustive()
    }
}
