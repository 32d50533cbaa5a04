use std::{
    fmt,
    hash::{BuildHasher, Hash},
    ops::Add,
    sync::atomic::Ordering::Relaxed,
    time::Duration,
};

use allocator_api2::alloc::{Allocator, Global};
use equivalent::Equivalent;

use crate::{
    Cause, Class, Clock, DefaultHashBuilder, Hit, Policy, Present, Removed, Stats, SystemClock,
    Usage,
    budget::Budget,
    lock::{Locks, Reader},
    shard::{Fill, Locked, Shard},
    table::{Entry, Table},
};

mod entries;
mod insert;
mod listener;
mod resize;
mod sweep;

pub use entries::Entries;

/// What is told of every entry that has left.
type Listener<K, V> = Box<dyn Fn(&Removed<K, V>) + Send + Sync>;

/// A store with a budget in bytes for many threads.
///
/// The hash of a key picks its shard, and each shard has a lock of its own. A lookup is one hash,
/// one lock and one probe, whatever the [`Class`] of the entry. A lookup returns a clone of the
/// value. Clones should be cheap: put large values behind a reference count.
///
/// **Budget.** All shards draw on one budget, so the cache accepts an entry as large as the whole
/// budget. The sum of the charges never exceeds the budget at any moment, however many threads
/// insert. If there is no room for an insert, its shard evicts entries of its own as long as the
/// insert would take it above its even share of the budget. Otherwise the fullest of the other
/// shards evicts.
///
/// **Order.** To make room, a shard takes out expired entries first. Then it evicts live entries of
/// the class that has to give way, in the order of the [`Policy`]. One shard under [`Policy::Lru`]
/// is a strict LRU.
///
/// **Locks.** A call holds no lock after it has returned, and none while it drops a value or runs the
/// predicate of [`retain`](Self::retain). The following code of the caller runs under the lock of
/// one shard: the `Eq` and [`Equivalent`] of the key, the `Clone` of key and value, the clock, and
/// the closures of [`insert_if`](Self::insert_if) and [`get_with_hashed`](Self::get_with_hashed).
/// This code must not call the cache: such a call may wait for itself for ever.
///
/// The methods named `…_hashed` take a hash that the caller has computed already. All calls for a
/// key must use the same hash, whether from [`Cache::hash`] or from elsewhere. A call with another
/// hash merely does not find the entry. All bits of the hash should be equally good.
///
/// ```
/// use std::sync::Arc;
/// use lru::Cache;
///
/// let cache: Cache<String, Arc<str>> = Cache::new(64 << 20);
/// cache.insert("greeting".into(), "hello".into(), 13)?;
/// assert_eq!(cache.get("greeting").as_deref(), Some("hello"));
/// assert_eq!(cache.bytes(), 13);
/// # Ok::<(), lru::InsertError<String, Arc<str>>>(())
/// ```
pub struct Cache<K, V, S = DefaultHashBuilder, C = SystemClock, A: Allocator = Global> {
    /// The number of shards is a power of two.
    shards: Locks<Shard<K, V, A>>,
    /// How full each shard is.
    fills: Box<[Fill]>,
    budget: Budget,
    hot_ratio: usize,
    policy: Policy,
    hasher: S,
    clock: C,
    /// Told of every entry that has left.
    listener: Option<Listener<K, V>>,
}

/// How many entries `retain` and `set_budget` handle at most before they release a shard's lock.
const BATCH: usize = 64;

impl<K, V, S, C, A: Allocator + Clone> Cache<K, V, S, C, A> {
    /// The bytes that an entry takes up in the tables of a cache. They include the key and the value
    /// themselves, but not the memory that these have allocated. If each charge includes these bytes,
    /// the sum of the charges is about what the process grows by.
    ///
    /// The figure is an average under the default policy. The tables grow piecemeal and are half to
    /// fully used, so the figure is up to 15 % too high or too low at times. An entry that expires
    /// takes up [`BYTES_PER_EXPIRY`](Self::BYTES_PER_EXPIRY) more.
    pub const BYTES_PER_ENTRY: usize =
        Table::<K, V, A>::BYTES_PER_ENTRY + crate::ghost_clock::BYTES_PER_ENTRY;

    /// The bytes that an entry with an expiry takes up in addition to
    /// [`BYTES_PER_ENTRY`](Self::BYTES_PER_ENTRY).
    pub const BYTES_PER_EXPIRY: usize = Table::<K, V, A>::BYTES_PER_EXPIRY;

    pub(crate) fn assemble(
        budget: usize,
        shards: usize,
        hot_ratio: usize,
        policy: Policy,
        hasher: S,
        clock: C,
        memory: &A,
    ) -> Self {
        debug_assert!(shards.is_power_of_two());
        let data = (0..shards).map(|_| Shard::new(policy, memory));
        Self {
            shards: match policy {
                // A hit changes the order of use, so readers need the lock alone.
                Policy::Lru => Locks::without_slots(data),
                Policy::GhostClock => Locks::new(data),
            },
            fills: (0..shards).map(|_| Fill::default()).collect(),
            budget: Budget::new(budget),
            hot_ratio,
            policy,
            hasher,
            clock,
            listener: None,
        }
    }

    /// The most bytes the entries may take up together.
    pub fn budget(&self) -> usize {
        self.budget.limit()
    }

    /// The number of shards, a power of two. It stays what it is when the budget changes.
    pub fn shards(&self) -> usize {
        self.shards.len()
    }

    /// The bytes the entries take up at this moment: the sum of their charges. Takes no lock.
    pub fn bytes(&self) -> usize {
        self.budget.used()
    }

    /// What the entries of one class take up. Locks one shard after the other.
    pub fn usage(&self, class: Class) -> Usage {
        self.each(|shard| shard.table().usage(class))
            .fold(Usage::default(), Add::add)
    }

    /// The number of entries, including expired ones that have not been reclaimed yet. Locks one
    /// shard after the other.
    pub fn len(&self) -> usize {
        self.each(|shard| shard.table().len()).sum()
    }

    /// Whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The counters of what has happened so far. Locks one shard after the other, so the counters are
    /// exact only while no other thread uses the cache.
    pub fn stats(&self) -> Stats {
        let mut stats = self.each(Shard::stats).fold(Stats::default(), Add::add);
        let (hits, misses) = self.shards.lookups();
        stats.hits += hits;
        stats.misses += misses;
        stats
    }

    /// The average age of the live entries that were evicted lately, counted from when they were
    /// written, to about a sixteenth. `None` until a shard has evicted about a sixteenth as many
    /// entries as it holds. Locks one shard after the other.
    ///
    /// If this age is much shorter than values are useful, the budget is too small.
    pub fn victim_age(&self) -> Option<Duration> {
        let ages = self.each(Shard::victim_age).flatten();
        let (sum, shards) = ages.fold((Duration::ZERO, 0), |(sum, n), age| (sum + age, n + 1));
        (shards > 0).then(|| sum / shards)
    }

    /// Calls `read` with one shard after the other.
    fn each<R>(&self, read: impl Fn(&Shard<K, V, A>) -> R) -> impl Iterator<Item = R> {
        (0..self.shards.len()).map(move |at| self.shards.read(at, &read))
    }

    /// The shard of a hash. The index within a shard uses the lowest and the seven highest bits of
    /// the hash; this number uses bits between them.
    #[inline]
    fn shard(&self, hash: u64) -> usize {
        (hash >> 40) as usize & (self.shards.len() - 1)
    }

    /// The even share of a shard in `limit` bytes. The number of shards is a power of two.
    #[inline]
    fn share(&self, limit: usize) -> usize {
        limit >> self.shards.len().ilog2()
    }

    fn lock(&self, at: usize) -> Locked<'_, K, V, A> {
        Locked {
            shard: self.shards.write(at),
            fill: &self.fills[at],
            budget: &self.budget,
            spare: 0,
        }
    }

    /// The shard with the most entries that nobody asks for any more, apart from `except`.
    fn stalest(&self, except: usize) -> Option<usize> {
        let shards = (0..self.fills.len()).filter(|&at| at != except);
        let stale = |at: usize| (self.fills[at].stale.load(Relaxed), at);
        let (entries, at) = shards.map(stale).max()?;
        (entries > 0).then_some(at)
    }

    /// The shard with the most bytes, apart from `except`. Shard 0 if there is no other shard.
    fn fullest(&self, except: Option<usize>) -> usize {
        let shards = (0..self.fills.len()).filter(|&at| Some(at) != except);
        let fullest = shards.max_by_key(|&at| self.fills[at].bytes.load(Relaxed));
        fullest.unwrap_or(0)
    }
}

impl<K: Hash + Eq, V, S: BuildHasher, C: Clock, A: Allocator + Clone> Cache<K, V, S, C, A> {
    /// The hash of a key, as the methods without `_hashed` compute it.
    #[inline]
    pub fn hash<Q>(&self, key: &Q) -> u64
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        self.hasher.hash_one(key)
    }

    /// A clone of the value of a live entry. The policy takes notice of the hit.
    ///
    /// An expired entry is taken out and dropped. The cache reads the clock only if the entry has an
    /// expiry.
    #[inline]
    pub fn get<Q>(&self, key: &Q) -> Option<V>
    where
        Q: Hash + Equivalent<K> + ?Sized,
        V: Clone,
    {
        self.read(self.hash(key), key, |_, entry| cloned(&entry.value))
    }

    /// As [`get`](Self::get), with the class and the expiry of the entry.
    #[inline]
    pub fn lookup<Q>(&self, key: &Q) -> Option<Hit<V>>
    where
        Q: Hash + Equivalent<K> + ?Sized,
        V: Clone,
    {
        self.read(self.hash(key), key, |table, entry| {
            Some(table.hit(entry).cloned())
        })
    }

    /// As [`get`](Self::get), with the key's hash. If there is a live entry, the call passes it to
    /// `notice`.
    ///
    /// `notice` runs under the lock of the shard. It should do no more than a clone does, and must not
    /// call the cache.
    #[inline]
    pub fn get_with_hashed<Q>(&self, hash: u64, key: &Q, notice: impl FnOnce(Hit<&V>)) -> Option<V>
    where
        Q: Equivalent<K> + ?Sized,
        V: Clone,
    {
        self.read(hash, key, |table, entry| {
            notice(table.hit(entry));
            cloned(&entry.value)
        })
    }

    /// As [`get`](Self::get), with the key's hash. Returns what `read` makes of the entry's key and of the hit, and so needs no
    /// `Clone`.
    ///
    /// `read` runs under the lock of the shard. It should do no more than a clone does, and must not
    /// call the cache.
    #[inline]
    pub fn read_hashed<Q, R>(
        &self,
        hash: u64,
        key: &Q,
        read: impl FnOnce(&K, Hit<&V>) -> Option<R>,
    ) -> Option<R>
    where
        Q: Equivalent<K> + ?Sized,
    {
        self.read(hash, key, |table, entry| read(&entry.key, table.hit(entry)))
    }

    /// Looks a key up, counts the lookup, and returns what `read` makes of a live entry.
    #[inline]
    fn read<Q, R>(
        &self,
        hash: u64,
        key: &Q,
        read: impl FnOnce(&Table<K, V, A>, &Entry<K, V>) -> Option<R>,
    ) -> Option<R>
    where
        Q: Equivalent<K> + ?Sized,
    {
        match self.shards.try_read(self.shard(hash)) {
            Some(shard) => self.read_in(shard, hash, key, read),
            None => self.wait_and_read(hash, key, read),
        }
    }

    /// As [`read`](Self::read), after waiting for the writer of the shard.
    #[inline(never)]
    fn wait_and_read<Q, R>(
        &self,
        hash: u64,
        key: &Q,
        read: impl FnOnce(&Table<K, V, A>, &Entry<K, V>) -> Option<R>,
    ) -> Option<R>
    where
        Q: Equivalent<K> + ?Sized,
    {
        match self.policy {
            Policy::Lru => self.read_alone(hash, key, read),
            Policy::GhostClock => self.read_in(self.shards.wait(self.shard(hash)), hash, key, read),
        }
    }

    /// Passes the result of `read` on without copying it. A clone has just stored its value word by
    /// word. A copy in larger pieces would have to wait for these stores (store forwarding fails), and
    /// would delay the next lookup.
    #[inline]
    fn read_in<Q, R, H>(
        &self,
        shard: Reader<'_, Shard<K, V, A>, H>,
        hash: u64,
        key: &Q,
        read: impl FnOnce(&Table<K, V, A>, &Entry<K, V>) -> Option<R>,
    ) -> Option<R>
    where
        Q: Equivalent<K> + ?Sized,
    {
        let table = shard.table();
        let Some(entry) = table.find_entry(hash, key) else {
            shard.tally().miss();
            return None;
        };
        if table.has_expired(entry, &self.clock) {
            shard.tally().miss();
            drop(shard);
            self.reclaim(hash, key);
            return None;
        }
        entry.label.raise();
        shard.tally().hit();
        read(table, entry)
    }

    /// Takes out the entry of a key if it has expired.
    #[cold]
    fn reclaim<Q>(&self, hash: u64, key: &Q)
    where
        Q: Equivalent<K> + ?Sized,
    {
        let mut shard = self.lock(self.shard(hash));
        let expired = shard
            .find(hash, key)
            .and_then(|slot| shard.reclaim(slot, &self.clock));
        drop(shard);
        self.tell(&expired);
        drop(expired);
    }

    /// As [`read`](Self::read), with exclusive access: it may move entries or take one out.
    fn read_alone<Q, R>(
        &self,
        hash: u64,
        key: &Q,
        read: impl FnOnce(&Table<K, V, A>, &Entry<K, V>) -> Option<R>,
    ) -> Option<R>
    where
        Q: Equivalent<K> + ?Sized,
    {
        let mut shard = self.lock(self.shard(hash));
        let mut expired: Option<Removed<K, V>> = None;
        if let Some(slot) = shard.find(hash, key) {
            expired = shard.reclaim(slot, &self.clock);
            if expired.is_none() {
                shard.touch(slot);
                let table = shard.table();
                return read(table, table.entry(slot));
            }
        }
        shard.stats().misses += 1;
        drop(shard);
        self.tell(&expired);
        None
    }

    /// As [`lookup`](Self::lookup), but the policy does not take notice, the counters do not change,
    /// and an expired entry stays.
    pub fn peek<Q>(&self, key: &Q) -> Option<Hit<V>>
    where
        Q: Hash + Equivalent<K> + ?Sized,
        V: Clone,
    {
        self.peek_hashed(self.hash(key), key)
    }

    /// As [`peek`](Self::peek), with the key's hash.
    pub fn peek_hashed<Q>(&self, hash: u64, key: &Q) -> Option<Hit<V>>
    where
        Q: Equivalent<K> + ?Sized,
        V: Clone,
    {
        self.shards.read(self.shard(hash), |shard| {
            let table = shard.table();
            let entry = table.find_entry(hash, key)?;
            let expired = table.has_expired(entry, &self.clock);
            (!expired).then(|| table.hit(entry).cloned())
        })
    }

    /// The live entry of a key, with a clone of the key. As with [`peek`](Self::peek), the policy does not take notice, and
    /// the counters do not change.
    pub fn inspect<Q>(&self, key: &Q) -> Option<Present<K, V>>
    where
        Q: Hash + Equivalent<K> + ?Sized,
        K: Clone,
        V: Clone,
    {
        self.inspect_with(key, cloned_parts)
    }

    /// As [`inspect`](Self::inspect), with what `look` makes of key and value in place of clones. `look` runs under the lock of the
    /// shard, and must not call the cache.
    pub fn inspect_with<Q, L, M>(
        &self,
        key: &Q,
        look: impl FnOnce(&K, &V) -> (L, M),
    ) -> Option<Present<L, M>>
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        let hash = self.hash(key);
        self.shards.read(self.shard(hash), |shard| {
            let slot = shard.table().find(hash, key)?;
            shard.present(slot, &self.clock, look)
        })
    }

    /// Puts what `elsewhere` returns into the place of an equal key and its value, and returns the old ones. The entry stays what it is
    /// otherwise: its place in the order, its age, its charge and its expiry. Nobody hears of it, and nothing is counted.
    ///
    /// For values that move, say because a store of the caller's gives memory back. `elsewhere` runs under the lock of the shard,
    /// alone: no lookup reads the entry meanwhile. It must not call the cache. If it returns `None`, nothing happens.
    pub fn rehouse_hashed<Q>(
        &self,
        hash: u64,
        key: &Q,
        elsewhere: impl FnOnce(&K, &V) -> Option<(K, V)>,
    ) -> Option<(K, V)>
    where
        Q: Equivalent<K> + ?Sized,
    {
        let mut shard = self.lock(self.shard(hash));
        let slot = shard.find(hash, key)?;
        shard.rehouse(slot, elsewhere)
    }

    /// Takes out an entry. Returns its value if the entry was live.
    pub fn remove<Q>(&self, key: &Q) -> Option<V>
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        self.remove_hashed(self.hash(key), key)
    }

    /// As [`remove`](Self::remove), with the key's hash.
    pub fn remove_hashed<Q>(&self, hash: u64, key: &Q) -> Option<V>
    where
        Q: Equivalent<K> + ?Sized,
    {
        let removed = {
            let mut shard = self.lock(self.shard(hash));
            let slot = shard.find(hash, key)?;
            match shard.reclaim(slot, &self.clock) {
                Some(expired) => expired,
                None => shard.remove(slot, Cause::Removed),
            }
        };
        self.tell([&removed]);
        (removed.cause == Cause::Removed).then_some(removed.value)
    }
}

/// Clones of a key and a value.
fn cloned_parts<K: Clone, V: Clone>(key: &K, value: &V) -> (K, V) {
    (key.clone(), value.clone())
}

/// A clone of a value. Not inlined, so that the clone is written once, directly into the place that
/// the caller provides for the result.
#[inline(never)]
fn cloned<V: Clone>(value: &V) -> Option<V> {
    Some(value.clone())
}

impl<K, V, S, C, A: Allocator + Clone> fmt::Debug for Cache<K, V, S, C, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache")
            .field("budget", &self.budget())
            .field("bytes", &self.bytes())
            .field("shards", &self.shards.len())
            .finish_non_exhaustive()
    }
}
