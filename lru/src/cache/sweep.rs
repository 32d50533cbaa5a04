use super::{BATCH, Cache};
use crate::{Class, Clock, Hit, Meta};

impl<K, V, S, C> Cache<K, V, S, C> {
    /// Takes out all entries. The counters stay, and count them as removed.
    ///
    /// An insert that runs at the same time happens before or after, shard by shard.
    pub fn clear(&self) {
        for at in 0..self.shards.len() {
            let entries = self.lock(at).take();
            drop(entries);
        }
    }

    /// Clones of up to `limit` live entries, about as many from each shard, and from each the most
    /// recently used, those of [`Class::Main`] first.
    ///
    /// Locks one shard after the other: not a picture of one moment, and short of `limit` where the
    /// last shards hold less than their part.
    pub fn snapshot(&self, limit: usize) -> Vec<(K, Hit<V>)>
    where
        K: Clone,
        V: Clone,
        C: Clock,
    {
        let mut entries = Vec::new();
        for at in 0..self.shards.len() {
            // What the shards before left over goes to those that follow.
            let share = (limit - entries.len()).div_ceil(self.shards.len() - at);
            self.shards.read(at, |shard| {
                let table = shard.table();
                let live = [Class::Main, Class::Hot]
                    .into_iter()
                    .flat_map(|class| table.recency().iter(class))
                    .filter(|&slot| !table.is_expired(slot, &self.clock));
                entries.extend(live.take(share).map(|slot| {
                    let key = table.entry(slot).key.clone();
                    (key, table.hit(table.entry(slot)).cloned())
                }));
            });
        }
        entries
    }

    /// Keeps only the entries for which `keep` says so.
    ///
    /// The predicate sees clones and runs without a lock. An entry that is replaced meanwhile is
    /// left alone, and one that comes meanwhile may or may not be seen.
    pub fn retain(&self, mut keep: impl FnMut(&K, &V, &Meta) -> bool)
    where
        K: Clone,
        V: Clone,
    {
        for at in 0..self.shards.len() {
            // Downwards: an entry that is moved meanwhile moves to a lower slot.
            let all = self.shards.read(at, |shard| shard.table().slots());
            let mut slots = (0..all).rev();
            while slots.len() > 0 {
                let mut batch: Vec<_> = self.shards.read(at, |shard| {
                    let table = shard.table();
                    let entries = slots.by_ref().take(BATCH);
                    entries
                        .filter_map(|slot| {
                            let entry = table.get(slot)?;
                            let clone = (entry.key.clone(), entry.value.clone(), table.meta(slot));
                            Some((slot, table.stamp_of(slot), clone))
                        })
                        .collect()
                });
                batch.retain(|(_, _, (key, value, meta))| !keep(key, value, meta));
                if batch.is_empty() {
                    continue;
                }
                let removed: Vec<_> = {
                    let mut shard = self.lock(at);
                    let doomed = batch.iter().map(|&(slot, stamp, _)| (slot, stamp));
                    doomed
                        .filter_map(|(slot, stamp)| shard.remove_stamped(slot, stamp))
                        .collect()
                };
                drop(removed);
            }
        }
    }
}
