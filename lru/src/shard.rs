use std::{
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
    time::Duration,
};

use equivalent::Equivalent;

use crate::{
    Cause, Class, Clock, Meta, Policy, Removed, Stats,
    ages::Ages,
    budget::Budget,
    ghost_clock::{Admission, GhostClock},
    lock::Writer,
    recency::Queue,
    table::Table,
};

/// One part of a cache: what one lock guards.
///
/// In this order, because lookups read the beginning of the table.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Shard<K, V> {
    table: Table<K, V>,
    order: Order,
    ages: Ages,
    /// All but the lookups of readers.
    stats: Stats,
}

/// What decides who gives way within a class.
#[derive(Debug)]
enum Order {
    Lru,
    GhostClock(Box<GhostClock>),
}

impl Order {
    fn new(policy: Policy) -> Self {
        match policy {
            Policy::Lru => Self::Lru,
            Policy::GhostClock => Self::GhostClock(Box::new(GhostClock::new())),
        }
    }
}

impl<K, V> Shard<K, V> {
    pub(crate) fn new(policy: Policy) -> Self {
        Self {
            table: Table::new(),
            order: Order::new(policy),
            ages: Ages::new(),
            stats: Stats::default(),
        }
    }

    #[inline]
    pub(crate) fn table(&self) -> &Table<K, V> {
        &self.table
    }

    /// What has happened here, but for what readers have found.
    pub(crate) fn stats(&self) -> Stats {
        self.stats
    }

    /// How old those were on average that had to make room lately.
    pub(crate) fn victim_age(&self) -> Option<Duration> {
        self.ages.typical()
    }
}

/// A locked shard: the only place where entries come and go, which keeps the shard's books and the
/// common budget in step.
///
/// Whatever leaves is handed to the caller, who drops it once the lock is released.
pub(crate) struct Locked<'a, K, V> {
    pub(crate) shard: Writer<'a, Shard<K, V>>,
    /// The bytes in the shard: written here, read without a lock by those who look for the fullest.
    pub(crate) bytes: &'a AtomicUsize,
    pub(crate) budget: &'a Budget,
}

/// An entry that asks for room.
#[derive(Clone, Copy)]
pub(crate) struct Newcomer {
    pub(crate) meta: Meta,
    /// The slot of the live entry with the same key.
    pub(crate) replaces: Option<u32>,
    /// How the policy has received it. Of no importance if it replaces another.
    pub(crate) admission: Admission,
}

impl<K, V> Locked<'_, K, V> {
    pub(crate) fn stats(&mut self) -> &mut Stats {
        &mut self.shard.stats
    }

    pub(crate) fn table(&self) -> &Table<K, V> {
        &self.shard.table
    }

    #[inline]
    pub(crate) fn find<Q>(&self, hash: u64, key: &Q) -> Option<u32>
    where
        Q: Equivalent<K> + ?Sized,
    {
        self.table().find(hash, key)
    }

    /// Takes notice that the entry in `slot` was asked for, for a strict LRU.
    #[inline]
    pub(crate) fn touch(&mut self, slot: u32) {
        self.stats().hits += 1;
        self.shard.table.touch(slot);
    }

    /// Lets the policy receive an entry under a key that is not present. To be called once for each.
    pub(crate) fn admit(&mut self, hash: u64, meta: &Meta) -> Admission {
        let Shard { table, order, .. } = &mut *self.shard;
        match order {
            Order::Lru => Admission::default(),
            Order::GhostClock(clock) => clock.admit(table, hash, meta),
        }
    }

    /// Takes out the entry in `slot` if its time has passed.
    #[inline]
    pub(crate) fn reclaim(&mut self, slot: u32, clock: &impl Clock) -> Option<Removed<K, V>> {
        let expired = self.table().is_expired(slot, clock);
        expired.then(|| self.remove(slot, Cause::Expired))
    }

    pub(crate) fn remove(&mut self, slot: u32, cause: Cause) -> Removed<K, V> {
        let removed = self.shard.table.remove(slot, cause);
        self.departed(&removed);
        removed
    }

    /// Takes out the entry in `slot` if it is still the one with that stamp.
    pub(crate) fn remove_stamped(&mut self, slot: u32, stamp: u32) -> Option<Removed<K, V>> {
        let table = self.table();
        let same = table.get(slot).is_some() && table.stamp_of(slot) == stamp;
        same.then(|| self.remove(slot, Cause::Removed))
    }

    /// Takes out all entries at once.
    pub(crate) fn take(&mut self) -> Table<K, V> {
        let mut table = Table::new();
        // Who remembers a stamp shall not meet it again.
        table.set_stamp(self.shard.table.stamp());
        let table = std::mem::replace(&mut self.shard.table, table);
        if let Order::GhostClock(clock) = &mut self.shard.order {
            **clock = GhostClock::new();
        }
        self.shard.ages = Ages::new();
        self.shard.stats.removals += table.len() as u64;
        self.budget.give_back(table.bytes());
        self.bytes.store(0, Relaxed);
        table
    }

    /// How many bytes the budget has to lend for the newcomer, beyond those of the entry it replaces.
    pub(crate) fn growth(&self, newcomer: Newcomer) -> usize {
        newcomer
            .meta
            .charge
            .saturating_sub(self.replaced(newcomer).map_or(0, |(_, charge)| charge))
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
        clock: &impl Clock,
    ) -> Option<Removed<K, V>> {
        let Shard {
            table,
            order,
            ages,
            stats,
        } = &mut *self.shard;
        ages.came(table.stamp(), table.len(), clock);
        let replaced = match newcomer.replaces {
            Some(slot) => {
                stats.overwrites += 1;
                let old = table.replace(slot, key, value, newcomer.meta);
                if let Order::Lru = order {
                    table.touch(slot);
                }
                self.budget
                    .give_back(old.meta.charge.saturating_sub(newcomer.meta.charge));
                Some(old)
            }
            None => {
                stats.inserts += 1;
                let Newcomer {
                    meta, admission, ..
                } = newcomer;
                let queue = match order {
                    Order::Lru => Queue::Main,
                    Order::GhostClock(clock) => clock.queue(admission),
                };
                table.insert(hash, key, value, meta, queue, admission.record);
                None
            }
        };
        self.bytes.store(table.bytes(), Relaxed);
        replaced
    }

    /// Takes out the entry that should be the next to go: one whose time has passed, or else the
    /// one that the policy chooses from the class that has to give way. Never the one that is about to be
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
        if let Some(expired) = self.shard.table.remove_expired(clock) {
            self.departed(&expired);
            return Some(expired);
        }
        let mut bytes = [Class::Main, Class::Hot].map(|class| self.table().usage(class).bytes);
        if let Some(newcomer) = newcomer {
            if let Some((class, charge)) = self.replaced(newcomer) {
                bytes[class as usize] -= charge;
            }
            bytes[newcomer.meta.class as usize] += newcomer.meta.charge;
        }
        let [main, hot] = bytes;
        let class = if hot.saturating_mul(hot_ratio) > main {
            Class::Hot
        } else {
            Class::Main
        };
        let victim = self
            .victim(class, newcomer)
            .or_else(|| self.victim(class.other(), newcomer))?;
        let Shard {
            table, order, ages, ..
        } = &mut *self.shard;
        ages.evicted(table.stamp_of(victim), table.len(), clock);
        if let Order::GhostClock(order) = order {
            order.bury(table, victim);
        }
        Some(self.remove(victim, Cause::Capacity))
    }

    /// Class and charge of the entry that the newcomer replaces.
    fn replaced(&self, newcomer: Newcomer) -> Option<(Class, usize)> {
        let slot = newcomer.replaces?;
        Some((self.table().class(slot), self.table().charge(slot)))
    }

    /// Whom the policy gives up from a class.
    fn victim(&mut self, class: Class, newcomer: Option<Newcomer>) -> Option<u32> {
        let spared = newcomer.and_then(|newcomer| newcomer.replaces);
        let wins = newcomer.is_some_and(|newcomer| {
            newcomer.replaces.is_none() && newcomer.admission.wins && newcomer.meta.class == class
        });
        let Shard { table, order, .. } = &mut *self.shard;
        match order {
            Order::Lru => {
                let oldest = table.recency().oldest(class, Queue::Main)?;
                if spared == Some(oldest) {
                    table.recency().newer(oldest)
                } else {
                    Some(oldest)
                }
            }
            Order::GhostClock(clock) => wins
                .then(|| clock.hand(table, class, spared))
                .flatten()
                .or_else(|| clock.victim(table, class, spared)),
        }
    }

    /// Books the departure of an entry.
    fn departed(&mut self, removed: &Removed<K, V>) {
        let Shard { table, stats, .. } = &mut *self.shard;
        stats.count(removed.cause);
        self.budget.give_back(removed.meta.charge);
        self.bytes.store(table.bytes(), Relaxed);
    }
}
