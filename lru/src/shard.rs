use std::{
    borrow::Borrow,
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
};

use parking_lot::{Mutex, MutexGuard};

use crate::{
    Cause, Class, Clock, Meta, Removed, Stats,
    budget::Budget,
    table::{Entry, Table},
};

/// One part of a cache, behind one lock. Aligned so that no two share a cache line, nor a pair of
/// lines that the processor prefetches together.
#[repr(align(128))]
#[derive(Debug)]
pub(crate) struct Shard<K, V> {
    store: Mutex<Store<K, V>>,
    /// The bytes in `store`: written under its lock, read without it by those who look for the
    /// fullest shard.
    bytes: AtomicUsize,
}

#[derive(Debug)]
struct Store<K, V> {
    table: Table<K, V>,
    stats: Stats,
}

impl<K, V> Shard<K, V> {
    pub(crate) fn new() -> Self {
        Self {
            store: Mutex::new(Store {
                table: Table::new(),
                stats: Stats::default(),
            }),
            bytes: AtomicUsize::new(0),
        }
    }

    /// A recent number of bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.load(Relaxed)
    }

    pub(crate) fn lock<'a>(&'a self, budget: &'a Budget) -> Locked<'a, K, V> {
        Locked {
            store: self.store.lock(),
            bytes: &self.bytes,
            budget,
        }
    }
}

/// A locked shard: the only place where entries come and go, which keeps the shard's books and the
/// common budget in step.
///
/// Whatever leaves is handed to the caller, who drops it once the lock is released.
pub(crate) struct Locked<'a, K, V> {
    store: MutexGuard<'a, Store<K, V>>,
    bytes: &'a AtomicUsize,
    budget: &'a Budget,
}

/// An entry that asks for room.
#[derive(Clone, Copy)]
pub(crate) struct Newcomer {
    pub(crate) meta: Meta,
    /// The slot of the live entry with the same key.
    pub(crate) replaces: Option<u32>,
}

impl<K, V> Locked<'_, K, V> {
    pub(crate) fn stats(&mut self) -> &mut Stats {
        &mut self.store.stats
    }

    pub(crate) fn table(&self) -> &Table<K, V> {
        &self.store.table
    }

    #[inline]
    pub(crate) fn find<Q>(&self, hash: u64, key: &Q) -> Option<u32>
    where
        K: Borrow<Q>,
        Q: Eq + ?Sized,
    {
        self.table().find(hash, key)
    }

    /// The entry in `slot`, which becomes the most recently used of its class.
    #[inline]
    pub(crate) fn hit(&mut self, slot: u32) -> &Entry<K, V> {
        let Store { table, stats } = &mut *self.store;
        stats.hits += 1;
        table.touch(slot);
        table.entry(slot)
    }

    /// Takes out the entry in `slot` if its time has passed.
    #[inline]
    pub(crate) fn reclaim(&mut self, slot: u32, clock: &impl Clock) -> Option<Removed<K, V>> {
        let expired = self.table().is_expired(slot, clock);
        expired.then(|| self.remove(slot, Cause::Expired))
    }

    pub(crate) fn remove(&mut self, slot: u32, cause: Cause) -> Removed<K, V> {
        let removed = self.store.table.remove(slot, cause);
        self.departed(&removed);
        removed
    }

    /// Takes out the entry in `slot` if it is still the one with that stamp.
    pub(crate) fn remove_stamped(&mut self, slot: u32, stamp: u32) -> Option<Removed<K, V>> {
        let same = self
            .table()
            .get(slot)
            .is_some_and(|entry| entry.stamp == stamp);
        same.then(|| self.remove(slot, Cause::Removed))
    }

    /// Takes out all entries at once.
    pub(crate) fn take(&mut self) -> Table<K, V> {
        let table = std::mem::replace(&mut self.store.table, Table::new());
        self.store.stats.removals += table.len() as u64;
        self.budget.give_back(table.bytes());
        self.bytes.store(0, Relaxed);
        table
    }

    /// How many bytes the budget has to lend for the newcomer, beyond those of the entry it replaces.
    pub(crate) fn growth(&self, newcomer: Newcomer) -> usize {
        newcomer
            .meta
            .charge
            .saturating_sub(self.replaced(newcomer).map_or(0, |old| old.charge))
    }

    /// Takes the newcomer's bytes from the budget, if it has them now. [`store`](Self::store) has to
    /// follow.
    pub(crate) fn reserve(&self, newcomer: Newcomer) -> bool {
        let full = newcomer.replaces.is_none() && self.table().is_full();
        !full && self.budget.try_take(self.growth(newcomer))
    }

    /// Whether the newcomer's room should come from this shard, whose even share of the budget is
    /// given, rather than from one that has more than its own.
    pub(crate) fn pays_for(&self, newcomer: Newcomer, share: usize) -> bool {
        let full = newcomer.replaces.is_none() && self.table().is_full();
        full || self.table().bytes().saturating_add(self.growth(newcomer)) > share
    }

    /// Stores the newcomer, whose room is reserved, and returns what it replaced.
    pub(crate) fn store(
        &mut self,
        newcomer: Newcomer,
        hash: u64,
        key: K,
        value: V,
    ) -> Option<Removed<K, V>> {
        let Store { table, stats } = &mut *self.store;
        let replaced = match newcomer.replaces {
            Some(slot) => {
                stats.overwrites += 1;
                let old = table.replace(slot, key, value, newcomer.meta);
                self.budget
                    .give_back(old.meta.charge.saturating_sub(newcomer.meta.charge));
                Some(old)
            }
            None => {
                stats.inserts += 1;
                table.insert(hash, key, value, newcomer.meta);
                None
            }
        };
        self.bytes.store(table.bytes(), Relaxed);
        replaced
    }

    /// Takes out the entry that should be the next to go: one whose time has passed, or else the
    /// least recently used one of the class that has to give way. Never the one that is about to be
    /// replaced, unless its time has passed.
    ///
    /// The rule is golang's: hot gives way while it holds more than one `hot_ratio`th of main, the
    /// newcomer counted as if it were in already.
    pub(crate) fn evict(
        &mut self,
        newcomer: Option<Newcomer>,
        hot_ratio: usize,
        clock: &impl Clock,
    ) -> Option<Removed<K, V>> {
        if let Some(expired) = self.store.table.remove_expired(clock) {
            self.departed(&expired);
            return Some(expired);
        }
        let mut bytes = [Class::Main, Class::Hot].map(|class| self.table().usage(class).bytes);
        if let Some(newcomer) = newcomer {
            if let Some(old) = self.replaced(newcomer) {
                bytes[old.class as usize] -= old.charge;
            }
            bytes[newcomer.meta.class as usize] += newcomer.meta.charge;
        }
        let [main, hot] = bytes;
        let class = if hot.saturating_mul(hot_ratio) > main {
            Class::Hot
        } else {
            Class::Main
        };
        let spared = newcomer.and_then(|newcomer| newcomer.replaces);
        let victim = self
            .oldest(class, spared)
            .or_else(|| self.oldest(class.other(), spared))?;
        Some(self.remove(victim, Cause::Capacity))
    }

    fn replaced(&self, newcomer: Newcomer) -> Option<&Meta> {
        newcomer.replaces.map(|slot| &self.table().entry(slot).meta)
    }

    fn oldest(&self, class: Class, spared: Option<u32>) -> Option<u32> {
        let recency = self.table().recency();
        let oldest = recency.oldest(class)?;
        if spared == Some(oldest) {
            recency.newer(oldest)
        } else {
            Some(oldest)
        }
    }

    /// Books the departure of an entry.
    fn departed(&mut self, removed: &Removed<K, V>) {
        let Store { table, stats } = &mut *self.store;
        stats.count(removed.cause);
        self.budget.give_back(removed.meta.charge);
        self.bytes.store(table.bytes(), Relaxed);
    }
}
