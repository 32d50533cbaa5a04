use std::{
    fmt,
    hash::{BuildHasher, Hash},
    ops::Add,
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
    time::Duration,
};

use equivalent::Equivalent;

use crate::{
    Cause, Class, Clock, DefaultHashBuilder, Hit, Policy, Removed, Stats, SystemClock, Usage,
    budget::Budget,
    lock::{Locks, Reader},
    shard::{Locked, Shard},
    table::{Entry, Table},
};

mod insert;
mod resize;
mod sweep;

/// A store with a budget in bytes for many threads.
///
/// Entries are spread over shards by their hash, each shard behind a lock of its own; a lookup is
/// one hash, one lock, one probe, whatever the [`Class`] of the entry. Values come out as clones,
/// which should be cheap: put large ones behind a reference count.
///
/// **Budget.** All shards draw on one budget, so an entry as large as the whole of it is accepted,
/// and the charges never add up to more, at no moment, however many threads insert. When there is no
/// room, a shard that holds its even share of the budget evicts from itself, and one that holds
/// less takes from the fullest of the others.
///
/// **Order.** Within a shard, entries whose time has passed go first, then live ones of the class
/// that has to give way, in the order of the [`Policy`]. One shard under [`Policy::Lru`] is a strict
/// LRU.
///
/// **Locks.** No lock is held once a call has returned, and none while a value is dropped or a
/// predicate runs. Under the lock of one shard run the `Eq` and [`Equivalent`] of the key, the `Clone` of
/// key and value, the clock, and the closures of [`insert_if`](Self::insert_if) and
/// [`get_with_hashed`](Self::get_with_hashed); these must not call the cache, or a call may wait for itself for ever.
///
/// The methods named `…_hashed` take a hash that the caller has computed already. All calls for a
/// key must agree on its hash, whether from [`Cache::hash`] or from elsewhere; if they do not,
/// entries are merely not found. All bits of the hash should be equally good.
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
pub struct Cache<K, V, S = DefaultHashBuilder, C = SystemClock> {
    /// A power of two of them.
    shards: Locks<Shard<K, V>>,
    /// The bytes in each shard.
    fills: Box<[Fill]>,
    budget: Budget,
    hot_ratio: usize,
    policy: Policy,
    hasher: S,
    clock: C,
}

/// Aligned as the locks are: inserts into different shards must not meet here.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Fill(AtomicUsize);

/// Entries that are handled under one lock where all are.
const BATCH: usize = 64;

impl<K, V, S, C> Cache<K, V, S, C> {
    /// What an entry takes up in the tables of a cache, key and value included, but not what these own
    /// elsewhere: about what the process grows by, if it is added to the charge of each entry.
    ///
    /// It is an average under the default policy. The tables grow piecemeal and are half to fully used,
    /// so this is 15 % too much or too little at times. An entry that expires takes up
    /// [`BYTES_PER_EXPIRY`](Self::BYTES_PER_EXPIRY) more.
    pub const BYTES_PER_ENTRY: usize =
        Table::<K, V>::BYTES_PER_ENTRY + crate::ghost_clock::BYTES_PER_ENTRY;

    /// See [`BYTES_PER_ENTRY`](Self::BYTES_PER_ENTRY).
    pub const BYTES_PER_EXPIRY: usize = Table::<K, V>::BYTES_PER_EXPIRY;

    pub(crate) fn assemble(
        budget: usize,
        shards: usize,
        hot_ratio: usize,
        policy: Policy,
        hasher: S,
        clock: C,
    ) -> Self {
        debug_assert!(shards.is_power_of_two());
        let data = (0..shards).map(|_| Shard::new(policy));
        Self {
            shards: match policy {
                // Its readers write.
                Policy::Lru => Locks::without_slots(data),
                Policy::GhostClock => Locks::new(data),
            },
            fills: (0..shards).map(|_| Fill::default()).collect(),
            budget: Budget::new(budget),
            hot_ratio,
            policy,
            hasher,
            clock,
        }
    }

    /// The most bytes the entries may take up together.
    pub fn budget(&self) -> usize {
        self.budget.limit()
    }

    /// The bytes the entries take up: the sum of their charges, at this moment. Takes no lock.
    pub fn bytes(&self) -> usize {
        self.budget.used()
    }

    /// What the entries of one class take up. Locks one shard after the other.
    pub fn usage(&self, class: Class) -> Usage {
        self.each(|shard| shard.table().usage(class))
            .fold(Usage::default(), Add::add)
    }

    /// The number of entries, those included whose time has passed but which have not been
    /// reclaimed yet. Locks one shard after the other.
    pub fn len(&self) -> usize {
        self.each(|shard| shard.table().len()).sum()
    }

    /// Whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What has happened so far. Locks one shard after the other: exact while nothing else happens.
    pub fn stats(&self) -> Stats {
        let mut stats = self.each(Shard::stats).fold(Stats::default(), Add::add);
        let (hits, misses) = self.shards.lookups();
        stats.hits += hits;
        stats.misses += misses;
        stats
    }

    /// How long ago the entries were written that had to make room lately, on average and to about a
    /// sixteenth; `None` if none had to. Locks one shard after the other.
    ///
    /// If this is much shorter than values are useful, the budget is too small.
    pub fn victim_age(&self) -> Option<Duration> {
        let ages = self.each(Shard::victim_age).flatten();
        let (sum, shards) = ages.fold((Duration::ZERO, 0), |(sum, n), age| (sum + age, n + 1));
        (shards > 0).then(|| sum / shards)
    }

    /// Reads one shard after the other.
    fn each<R>(&self, read: impl Fn(&Shard<K, V>) -> R) -> impl Iterator<Item = R> {
        (0..self.shards.len()).map(move |at| self.shards.read(at, &read))
    }

    /// The shard of a hash. The index within a shard is made of the lowest and the seven highest
    /// bits of the hash; these lie between.
    #[inline]
    fn shard(&self, hash: u64) -> usize {
        (hash >> 40) as usize & (self.shards.len() - 1)
    }

    fn lock(&self, at: usize) -> Locked<'_, K, V> {
        Locked {
            shard: self.shards.write(at),
            bytes: &self.fills[at].0,
            budget: &self.budget,
        }
    }

    /// The fullest shard, but for one.
    fn fullest(&self, except: Option<usize>) -> usize {
        let shards = (0..self.fills.len()).filter(|&at| Some(at) != except);
        let fullest = shards.max_by_key(|&at| self.fills[at].0.load(Relaxed));
        fullest.unwrap_or(0)
    }
}

impl<K: Hash + Eq, V, S: BuildHasher, C: Clock> Cache<K, V, S, C> {
    /// The hash of a key as the methods without `_hashed` compute it.
    #[inline]
    pub fn hash<Q>(&self, key: &Q) -> u64
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        self.hasher.hash_one(key)
    }

    /// A clone of the value of a live entry, of whose use the policy takes notice.
    ///
    /// An entry whose time has passed is taken out and dropped. The clock is read only if the
    /// entry expires at all.
    #[inline]
    pub fn get<Q>(&self, key: &Q) -> Option<V>
    where
        Q: Hash + Equivalent<K> + ?Sized,
        V: Clone,
    {
        self.read(self.hash(key), key, |_, entry| cloned(&entry.value))
    }

    /// As [`get`](Self::get), with what else is known of the entry.
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

    /// As [`get`](Self::get), with the key's hash, and `notice` is told of the entry.
    ///
    /// `notice` runs under the lock: it should do no more than a clone does, and must not call the cache.
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

    /// What `read` makes of a live entry.
    #[inline]
    fn read<Q, R>(
        &self,
        hash: u64,
        key: &Q,
        read: impl FnOnce(&Table<K, V>, &Entry<K, V>) -> Option<R>,
    ) -> Option<R>
    where
        Q: Equivalent<K> + ?Sized,
    {
        match self.shards.try_read(self.shard(hash)) {
            Some(shard) => self.read_in(shard, hash, key, read),
            None => self.wait_and_read(hash, key, read),
        }
    }

    /// As [`read`](Self::read), once the shard's writer is done.
    #[inline(never)]
    fn wait_and_read<Q, R>(
        &self,
        hash: u64,
        key: &Q,
        read: impl FnOnce(&Table<K, V>, &Entry<K, V>) -> Option<R>,
    ) -> Option<R>
    where
        Q: Equivalent<K> + ?Sized,
    {
        match self.policy {
            Policy::Lru => self.read_alone(hash, key, read),
            Policy::GhostClock => self.read_in(self.shards.wait(self.shard(hash)), hash, key, read),
        }
    }

    /// The result is passed on as it is. Were a value, which its clone has just stored word by word, copied in larger
    /// pieces, the copy would wait until the stores are through (store forwarding fails), and the next lookup
    /// with it.
    #[inline]
    fn read_in<Q, R, H>(
        &self,
        shard: Reader<'_, Shard<K, V>, H>,
        hash: u64,
        key: &Q,
        read: impl FnOnce(&Table<K, V>, &Entry<K, V>) -> Option<R>,
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

    /// Takes an entry out if its time has passed.
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
        drop(expired);
    }

    /// A [`read`](Self::read) that may move entries or take one out.
    fn read_alone<Q, R>(
        &self,
        hash: u64,
        key: &Q,
        read: impl FnOnce(&Table<K, V>, &Entry<K, V>) -> Option<R>,
    ) -> Option<R>
    where
        Q: Equivalent<K> + ?Sized,
    {
        // Declared first, dropped last: after the lock is released.
        let _expired: Option<Removed<K, V>>;
        let mut shard = self.lock(self.shard(hash));
        if let Some(slot) = shard.find(hash, key) {
            _expired = shard.reclaim(slot, &self.clock);
            if _expired.is_none() {
                shard.touch(slot);
                let table = shard.table();
                return read(table, table.entry(slot));
            }
        }
        shard.stats().misses += 1;
        None
    }

    /// As [`lookup`](Self::lookup), without making the entry more recently used and without
    /// counting.
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

    /// Takes out an entry. Returns its value if it was live.
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
        (removed.cause == Cause::Removed).then_some(removed.value)
    }
}

/// A clone that is made where it will be: what is not inlined writes its result once, into the place that
/// the caller passes on.
#[inline(never)]
fn cloned<V: Clone>(value: &V) -> Option<V> {
    Some(value.clone())
}

impl<K, V, S, C> fmt::Debug for Cache<K, V, S, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache")
            .field("budget", &self.budget())
            .field("bytes", &self.bytes())
            .field("shards", &self.shards.len())
            .finish_non_exhaustive()
    }
}
