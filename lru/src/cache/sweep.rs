use allocator_api2::alloc::Allocator;

use super::{Cache, entries::Slots};
use crate::{Cause, Class, Clock, Hit, Meta};

impl<K, V, S, C, A: Allocator + Clone> Cache<K, V, S, C, A> {
    /// Takes out all entries. The counters are kept, and count these entries as removed.
    ///
    /// Clears one shard after the other. A concurrent insert happens before or after its shard is
    /// cleared.
    pub fn clear(&self) {
        for at in 0..self.shards.len() {
            let entries = self.lock(at).take();
            match &self.listener {
                Some(listener) => entries
                    .into_removed(Cause::Cleared)
                    .for_each(|entry| listener(&entry)),
                None => drop(entries),
            }
        }
    }

    /// Clones of up to `limit` live entries, about equally many from each shard. Within a shard,
    /// entries of [`Class::Main`] come before entries of [`Class::Hot`]. Under
    /// [`Policy::Lru`](crate::Policy::Lru), the most recently used entries of a class come first. Under
    /// the default policy, main entries come before window entries, and the order within each queue is
    /// that of the policy, newest first.
    ///
    /// Locks one shard after the other, so the result is not a picture of one moment. There are fewer
    /// than `limit` entries if the last shards hold less than their part.
    pub fn snapshot(&self, limit: usize) -> Vec<(K, Hit<V>)>
    where
        K: Clone,
        V: Clone,
        C: Clock,
    {
        let mut entries = Vec::new();
        for at in 0..self.shards.len() {
            // The shards that follow take over what the earlier shards left unused.
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

    /// Takes out the entries for which `keep` returns `false`.
    ///
    /// The predicate gets clones and runs without a lock. It also gets expired entries that have not
    /// been reclaimed yet, and may get an entry twice if other threads remove entries meanwhile. An
    /// entry that is replaced after the predicate has seen it stays. An entry that is inserted during
    /// the call may or may not be seen.
    pub fn retain(&self, mut keep: impl FnMut(&K, &V, &Meta) -> bool)
    where
        K: Clone,
        V: Clone,
    {
        for at in 0..self.shards.len() {
            let mut slots = Slots::all(self, at);
            while !slots.is_empty() {
                let mut batch = slots.next_batch(self, |shard, slot| {
                    let table = shard.table();
                    let entry = table.get(slot)?;
                    let clone = (entry.key.clone(), entry.value.clone(), table.meta(slot));
                    Some((table.hash(slot), table.stamp_of(slot), clone))
                });
                batch.retain(|(_, _, (key, value, meta))| !keep(key, value, meta));
                if batch.is_empty() {
                    continue;
                }
                let removed: Vec<_> = {
                    let mut shard = self.lock(at);
                    // Each removal may move another entry of the batch to the slot that became vacant.
                    batch
                        .iter()
                        .filter_map(|&(hash, stamp, _)| shard.remove_stamped(hash, stamp))
                        .collect()
                };
                self.tell(&removed);
                drop(removed);
            }
        }
    }
}
