use std::{
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
    time::Duration,
};

use allocator_api2::alloc::{Allocator, Global};
use equivalent::Equivalent;

use crate::{
    Cause, Class, Clock, Evicted, Meta, Policy, Present, Removed, Stats,
    ages::Ages,
    budget::Budget,
    ghost_clock::{Admission, GhostClock, Room},
    lock::Writer,
    recency::Queue,
    table::Table,
};

/// One shard of a cache: the data that one lock guards.
///
/// The table comes first, because lookups read its beginning.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Shard<K, V, A: Allocator = Global> {
    table: Table<K, V, A>,
    order: Order<A>,
    ages: Ages,
    /// All counters except for the lookups that readers count themselves.
    stats: Stats,
}

/// The state of the policy, which picks the victim within a class.
#[derive(Debug)]
enum Order<A: Allocator> {
    Lru,
    GhostClock(Box<GhostClock<A>>),
}

impl<A: Allocator + Clone> Order<A> {
    fn new(policy: Policy, memory: A) -> Self {
        match policy {
            Policy::Lru => Self::Lru,
            Policy::GhostClock => Self::GhostClock(Box::new(GhostClock::since(0, memory))),
        }
    }

    /// How many entries nobody asks for any more. `None` if the policy cannot tell that any entry is one
    /// of these.
    fn stale<K, V>(&self, table: &Table<K, V, A>) -> Option<usize> {
        match self {
            Self::Lru => None,
            Self::GhostClock(clock) => clock.left(table),
        }
    }
}

impl<K, V, A: Allocator + Clone> Shard<K, V, A> {
    pub(crate) fn new(policy: Policy, memory: &A) -> Self {
        Self {
            table: Table::new(memory.clone()),
            order: Order::new(policy, memory.clone()),
            ages: Ages::new(),
            stats: Stats::default(),
        }
    }

    #[inline]
    pub(crate) fn table(&self) -> &Table<K, V, A> {
        &self.table
    }

    /// The counters of this shard, without the lookups that readers count themselves.
    pub(crate) fn stats(&self) -> Stats {
        self.stats
    }

    /// The entry in a slot, if it is live.
    pub(crate) fn present<L, M>(
        &self,
        slot: u32,
        clock: &impl Clock,
        look: impl FnOnce(&K, &V) -> (L, M),
    ) -> Option<Present<L, M>> {
        let table = &self.table;
        let entry = table.get(slot)?;
        if table.is_expired(slot, clock) {
            return None;
        }
        let age = self.ages.age(table.stamp_of(slot), clock.now());
        let (key, value) = look(&entry.key, &entry.value);
        Some(Present {
            key,
            value,
            meta: table.meta(slot),
            age: age.unwrap_or_default(),
        })
    }

    /// The average age of recent victims.
    pub(crate) fn victim_age(&self) -> Option<Duration> {
        self.ages.typical()
    }
}

/// How full a shard is. Only the holder of the shard's lock writes this; threads that look for a shard
/// to evict from read it without the lock. Aligned as the locks are, so that inserts into different
/// shards do not write to the same cache line.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct Fill {
    pub(crate) bytes: AtomicUsize,
    /// How many entries nobody asks for any more, as far as the policy can tell.
    pub(crate) stale: AtomicUsize,
}

/// A locked shard: the only place where entries come and go. Keeps the shard's books and the common
/// budget in step, and tells the others how full the shard is once it is unlocked.
///
/// Hands every entry that leaves to the caller. The caller drops it after it has released the lock.
pub(crate) struct Locked<'a, K, V, A: Allocator + Clone = Global> {
    pub(crate) shard: Writer<'a, Shard<K, V, A>>,
    pub(crate) fill: &'a Fill,
    pub(crate) budget: &'a Budget,
    /// The bytes of entries that have made room for a newcomer. The budget gets back what the newcomer leaves of them, so that no
    /// other shard takes them meanwhile.
    pub(crate) spare: usize,
}

/// An entry that asks for room.
#[derive(Clone, Copy)]
pub(crate) struct Newcomer {
    pub(crate) meta: Meta,
    /// The slot of the live entry with the same key.
    pub(crate) replaces: Option<u32>,
    /// The decision of the policy. Without effect if the newcomer replaces an entry.
    pub(crate) admission: Admission,
}

impl<K, V, A: Allocator + Clone> Locked<'_, K, V, A> {
    pub(crate) fn stats(&mut self) -> &mut Stats {
        &mut self.shard.stats
    }

    pub(crate) fn table(&self) -> &Table<K, V, A> {
        &self.shard.table
    }

    #[inline]
    pub(crate) fn find<Q>(&self, hash: u64, key: &Q) -> Option<u32>
    where
        Q: Equivalent<K> + ?Sized,
    {
        self.table().find(hash, key)
    }

    /// Counts a hit of the entry in `slot`, and makes the entry the newest of its list. Only a strict
    /// LRU uses this.
    #[inline]
    pub(crate) fn touch(&mut self, slot: u32) {
        self.stats().hits += 1;
        self.shard.table.touch(slot);
    }

    /// Lets the policy decide on an entry under a key that is not present. To be called once for each
    /// newcomer, because the policy forgets the ghost of the key.
    pub(crate) fn admit(&mut self, hash: u64, meta: &Meta) -> Admission {
        let room = Room {
            was_lacking: self.budget.is_reached(meta.charge),
            is_scarce: self.budget.is_scarce(meta.charge),
            emptied: self.budget.emptied(),
        };
        let hits = self.shard.hits();
        let Shard { table, order, .. } = &mut *self.shard;
        match order {
            Order::Lru => Admission::default(),
            Order::GhostClock(clock) => clock.admit(table, hash, meta, hits, room),
        }
    }

    /// Puts what `elsewhere` returns into the place of a key and a value.
    pub(crate) fn rehouse(
        &mut self,
        slot: u32,
        elsewhere: impl FnOnce(&K, &V) -> Option<(K, V)>,
    ) -> Option<(K, V)> {
        let entry = self.table().entry(slot);
        let (key, value) = elsewhere(&entry.key, &entry.value)?;
        Some(self.shard.table.rehouse(slot, key, value))
    }

    /// Takes out the entry in `slot` if it has expired.
    #[inline]
    pub(crate) fn reclaim(&mut self, slot: u32, clock: &impl Clock) -> Option<Removed<K, V>> {
        let expired = self.table().is_expired(slot, clock);
        expired.then(|| self.remove(slot, Cause::Expired))
    }

    pub(crate) fn remove(&mut self, slot: u32, cause: Cause) -> Removed<K, V> {
        let removed = self.shard.table.remove(slot, cause);
        self.stats().count(cause);
        self.budget.give_back(removed.meta.charge);
        removed
    }

    /// Takes out the entry with this stamp, whatever slot it is in by now. The hash is that of its key.
    pub(crate) fn remove_stamped(&mut self, hash: u64, stamp: u32) -> Option<Removed<K, V>> {
        let slot = self.table().find_stamped(hash, stamp)?;
        Some(self.remove(slot, Cause::Removed))
    }

    /// Takes out all entries at once.
    pub(crate) fn take(&mut self) -> Table<K, V, A> {
        let memory = self.table().memory().clone();
        let mut table = Table::new(memory.clone());
        // The stamps go on, so that no later entry has a stamp that `retain` still remembers.
        table.set_stamp(self.shard.table.stamp());
        let table = std::mem::replace(&mut self.shard.table, table);
        let hits = self.shard.hits();
        if let Order::GhostClock(clock) = &mut self.shard.order {
            **clock = GhostClock::since(hits, memory);
        }
        self.shard.ages = Ages::new();
        self.shard.stats.removals += table.len() as u64;
        self.shard.stats.cleared += table.len() as u64;
        self.budget.give_back(table.bytes());
        table
    }

    /// The bytes that the newcomer needs beyond those of the entry that it replaces.
    pub(crate) fn growth(&self, newcomer: Newcomer) -> usize {
        newcomer
            .meta
            .charge
            .saturating_sub(self.replaced(newcomer).map_or(0, |(_, charge)| charge))
    }

    /// Takes the newcomer's bytes from the budget, and returns whether the budget and the table had
    /// room. If so, [`store`](Self::store) has to follow.
    pub(crate) fn reserve(&mut self, newcomer: Newcomer) -> bool {
        let full = newcomer.replaces.is_none() && self.table().is_full();
        if full || !self.budget.try_take(self.growth(newcomer), self.spare) {
            return false;
        }
        self.spare = 0;
        true
    }

    /// Whether this shard should evict for the newcomer, rather than the fullest of the others. True if
    /// the newcomer would take this shard above `share`, its even share of the budget, or if the table
    /// is full.
    pub(crate) fn pays_for(&self, newcomer: Newcomer, share: usize) -> bool {
        let full = newcomer.replaces.is_none() && self.table().is_full();
        full || self.table().bytes().saturating_add(self.growth(newcomer)) > share
    }

    /// Whether this shard has nothing left but a new working set, so that another shard should evict if it
    /// has more.
    pub(crate) fn is_renewed(&self) -> bool {
        self.shard.order.stale(self.table()) == Some(0) && !self.table().is_full()
    }

    /// Stores the newcomer, and puts the entry that it replaces into `evicted`. [`reserve`](Self::reserve) must
    /// have taken the newcomer's bytes.
    pub(crate) fn store(
        &mut self,
        newcomer: Newcomer,
        hash: u64,
        key: K,
        value: V,
        clock: &impl Clock,
        evicted: &mut Evicted<K, V>,
    ) {
        let Shard {
            table,
            order,
            ages,
            stats,
        } = &mut *self.shard;
        ages.came(table.stamp(), table.len(), clock);
        match newcomer.replaces {
            Some(slot) => {
                stats.overwrites += 1;
                let charge = table.charge(slot);
                evicted.push(table.replace(slot, key, value, newcomer.meta));
                if let Order::Lru = order {
                    table.touch(slot);
                }
                self.budget
                    .give_back(charge.saturating_sub(newcomer.meta.charge));
            }
            None => {
                stats.inserts += 1;
                let Newcomer {
                    meta, admission, ..
                } = newcomer;
                let queue = match order {
                    Order::Lru => Queue::Main,
                    Order::GhostClock(clock) => clock.queue(table, admission),
                };
                table.insert(hash, key, value, meta, queue, admission.record);
            }
        }
    }

    /// Takes out one entry: an expired one, or else the victim that the policy chooses from the class
    /// that has to give way. Spares the entry that the newcomer replaces, unless that entry has expired.
    ///
    /// The rule is that of golang/groupcache: hot gives way while its bytes exceed one `hot_ratio`th of
    /// main's. The bytes are counted as if the newcomer had been stored already.
    pub(crate) fn evict(
        &mut self,
        newcomer: Option<Newcomer>,
        hot_ratio: usize,
        clock: &impl Clock,
    ) -> Option<Removed<K, V>> {
        let removed = self.make_room(newcomer, hot_ratio, clock)?;
        self.shard.stats.count(removed.cause);
        match newcomer {
            Some(_) => self.spare += removed.meta.charge,
            None => self.budget.give_back(removed.meta.charge),
        }
        Some(removed)
    }

    /// As [`evict`](Self::evict), but leaves counters and budget as they are.
    fn make_room(
        &mut self,
        newcomer: Option<Newcomer>,
        hot_ratio: usize,
        clock: &impl Clock,
    ) -> Option<Removed<K, V>> {
        if let Some(expired) = self.shard.table.remove_expired(clock) {
            return Some(expired);
        }
        let hits = self.shard.hits();
        let Shard { table, order, .. } = &mut *self.shard;
        if let Order::GhostClock(clock) = order {
            clock.hear(table, hits);
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
        Some(table.remove(victim, Cause::Capacity))
    }

    /// The class and the charge of the entry that the newcomer replaces.
    fn replaced(&self, newcomer: Newcomer) -> Option<(Class, usize)> {
        let slot = newcomer.replaces?;
        Some((self.table().class(slot), self.table().charge(slot)))
    }

    /// The slot of the entry of a class that the policy gives up.
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
}

impl<K, V, A: Allocator + Clone> Drop for Locked<'_, K, V, A> {
    fn drop(&mut self) {
        self.budget.give_back(self.spare);
        let Shard { table, order, .. } = &*self.shard;
        self.fill.bytes.store(table.bytes(), Relaxed);
        let stale = order.stale(table).unwrap_or(0);
        self.fill.stale.store(stale, Relaxed);
    }
}
