use std::{
    borrow::Borrow,
    fmt,
    hash::{BuildHasher, Hash},
    ops::Add,
};

use crate::{
    CacheBuilder, Cause, Class, Clock, DefaultHashBuilder, Evicted, Hit, InsertError, Meta, Policy,
    Removed, Stats, SystemClock, Usage,
    budget::Budget,
    ghost_clock::Admission,
    lock::Reader,
    shard::{Locked, Newcomer, Shard, Store},
};

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
/// predicate runs. Under the lock of one shard run the `Eq` of the key, the `Clone` of the value,
/// the clock, and the condition of [`insert_if`](Self::insert_if); these must not call the cache.
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
    shards: Box<[Shard<K, V>]>,
    budget: Budget,
    hot_ratio: usize,
    policy: Policy,
    hasher: S,
    clock: C,
}

/// Victims of a shrinking budget, and candidates of a `retain`, that are handled under one lock.
const BATCH: usize = 64;

impl<K, V> Cache<K, V> {
    /// An empty cache that holds up to `budget` bytes.
    pub fn new(budget: usize) -> Self {
        CacheBuilder::new(budget).build()
    }
}

impl Cache<(), ()> {
    /// The settings of a cache that holds up to `budget` bytes.
    pub fn builder(budget: usize) -> CacheBuilder {
        CacheBuilder::new(budget)
    }
}

impl<K, V, S, C> Cache<K, V, S, C> {
    pub(crate) fn assemble(
        budget: usize,
        shards: usize,
        hot_ratio: usize,
        policy: Policy,
        hasher: S,
        clock: C,
    ) -> Self {
        debug_assert!(shards.is_power_of_two());
        Self {
            shards: (0..shards).map(|_| Shard::new(policy)).collect(),
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
        self.readers()
            .map(|shard| shard.table().usage(class))
            .fold(Usage::default(), Add::add)
    }

    /// The number of entries, those included whose time has passed but which have not been
    /// reclaimed yet. Locks one shard after the other.
    pub fn len(&self) -> usize {
        self.readers().map(|shard| shard.table().len()).sum()
    }

    /// Whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What has happened so far. Locks one shard after the other: exact while nothing else happens.
    pub fn stats(&self) -> Stats {
        self.shards
            .iter()
            .map(Shard::stats)
            .fold(Stats::default(), Add::add)
    }

    /// Takes out all entries. The counters stay, and count them as removed.
    ///
    /// An insert that runs at the same time happens before or after, shard by shard.
    pub fn clear(&self) {
        for shard in &self.shards {
            let entries = shard.lock(&self.budget).take();
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
        for (n, shard) in self.readers().enumerate() {
            // What the shards before left over goes to those that follow.
            let share = (limit - entries.len()).div_ceil(self.shards.len() - n);
            let table = shard.table();
            let live = [Class::Main, Class::Hot]
                .into_iter()
                .flat_map(|class| table.recency().iter(class))
                .filter(|&slot| !table.is_expired(slot, &self.clock));
            entries.extend(live.take(share).map(|slot| {
                let entry = table.entry(slot);
                (
                    entry.key.clone(),
                    Hit {
                        value: entry.value.clone(),
                        meta: entry.meta,
                    },
                )
            }));
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
        for shard in &self.shards {
            let mut slots = 0..shard.read().table().slots();
            while !slots.is_empty() {
                let mut batch: Vec<_> = {
                    let shard = shard.read();
                    let entries = slots.by_ref().take(BATCH);
                    entries
                        .filter_map(|slot| {
                            let entry = shard.table().get(slot)?;
                            let clone = (entry.key.clone(), entry.value.clone(), entry.meta);
                            Some((slot, entry.stamp, clone))
                        })
                        .collect()
                };
                batch.retain(|(_, _, (key, value, meta))| !keep(key, value, meta));
                let removed: Vec<_> = {
                    let mut shard = shard.lock(&self.budget);
                    let doomed = batch.iter().map(|&(slot, stamp, _)| (slot, stamp));
                    doomed
                        .filter_map(|(slot, stamp)| shard.remove_stamped(slot, stamp))
                        .collect()
                };
                drop(removed);
            }
        }
    }

    fn readers(&self) -> impl Iterator<Item = Reader<'_, Store<K, V>>> {
        self.shards.iter().map(Shard::read)
    }

    fn locked(&self) -> impl Iterator<Item = Locked<'_, K, V>> {
        self.shards.iter().map(|shard| shard.lock(&self.budget))
    }

    /// The shard of a hash. The index within a shard is made of the lowest and the seven highest
    /// bits of the hash; these lie between.
    #[inline]
    fn shard(&self, hash: u64) -> usize {
        (hash >> 40) as usize & (self.shards.len() - 1)
    }

    #[inline]
    fn lock(&self, hash: u64) -> Locked<'_, K, V> {
        self.shards[self.shard(hash)].lock(&self.budget)
    }
}

impl<K, V, S, C: Clock> Cache<K, V, S, C> {
    /// Changes the budget while the cache serves. A lower one has been brought about on return:
    /// entries are evicted and dropped in small batches, between which others are let in.
    pub fn set_budget(&self, budget: usize) {
        // Inserts read the limit and take bytes under the lock of their shard: while all are
        // locked, none is between the two. No other call holds two locks, and two of these lock
        // in the same order.
        let all: Vec<_> = self.locked().collect();
        self.budget.set_limit(budget);
        drop(all);

        while self.budget.used() > self.budget.limit() {
            let mut evicted = Vec::new();
            {
                let mut shard = self.fullest(None).lock(&self.budget);
                while evicted.len() < BATCH && self.budget.used() > self.budget.limit() {
                    let Some(victim) = shard.evict(None, self.hot_ratio, &self.clock) else {
                        break;
                    };
                    evicted.push(victim);
                }
            }
            drop(evicted);
        }
    }

    /// The fullest shard, but for one.
    fn fullest(&self, except: Option<usize>) -> &Shard<K, V> {
        let shards = self
            .shards
            .iter()
            .enumerate()
            .filter(|&(n, _)| Some(n) != except);
        let fullest = shards.max_by_key(|(_, shard)| shard.bytes());
        fullest.map_or(&self.shards[0], |(_, shard)| shard)
    }
}

impl<K: Hash + Eq, V, S: BuildHasher, C: Clock> Cache<K, V, S, C> {
    /// The hash of a key as the methods without `_hashed` compute it.
    #[inline]
    pub fn hash<Q>(&self, key: &Q) -> u64
    where
        K: Borrow<Q>,
        Q: Hash + ?Sized,
    {
        self.hasher.hash_one(key)
    }

    /// Stores an entry. Returns the entry it replaced, if any, and those that had to make room.
    ///
    /// `meta` is the number of bytes that the entry takes up, or a [`Meta`] that says more. An entry
    /// under the same key is replaced whatever its class: a key has one entry.
    ///
    /// # Errors
    ///
    /// When the charge exceeds the whole budget. Key and value come back in the error and nothing
    /// has changed: in particular, an older entry under the same key is still there.
    pub fn insert(
        &self,
        key: K,
        value: V,
        meta: impl Into<Meta>,
    ) -> Result<Evicted<K, V>, InsertError<K, V>> {
        self.insert_if(key, value, meta, || true)
    }

    /// As [`insert`](Self::insert), but only if `condition` holds at the moment of the
    /// insert.
    ///
    /// The condition runs under the lock that a concurrent [`remove`](Self::remove) of the key or
    /// [`clear`](Self::clear) has to take. So whoever first makes it false and then removes the key
    /// can be sure that the entry is not there afterwards: this insert either sees the change, or
    /// has stored the entry before the removal comes to its shard.
    ///
    /// The condition may be asked more than once, has to be quick, and must not call the cache. If
    /// it turns false while room is being made, what has been evicted until then stays evicted.
    ///
    /// # Errors
    ///
    /// As [`insert`](Self::insert), and when the condition does not hold.
    pub fn insert_if(
        &self,
        key: K,
        value: V,
        meta: impl Into<Meta>,
        condition: impl Fn() -> bool,
    ) -> Result<Evicted<K, V>, InsertError<K, V>> {
        self.insert_if_hashed(self.hash(&key), key, value, meta, condition)
    }

    /// As [`insert_if`](Self::insert_if), with the key's hash.
    ///
    /// # Errors
    ///
    /// As [`insert_if`](Self::insert_if).
    pub fn insert_if_hashed(
        &self,
        hash: u64,
        key: K,
        value: V,
        meta: impl Into<Meta>,
        condition: impl Fn() -> bool,
    ) -> Result<Evicted<K, V>, InsertError<K, V>> {
        let meta = meta.into();
        let home = self.shard(hash);
        // Outlives every lock below: what it holds is dropped after them, on all ways out.
        let mut evicted = Evicted::new();
        let mut admission: Option<Admission> = None;
        loop {
            {
                let mut shard = self.shards[home].lock(&self.budget);
                let limit = self.budget.limit();
                if meta.charge > limit {
                    shard.stats().oversize += 1;
                    return Err(InsertError::too_large(key, value, meta.charge, limit));
                }
                if !condition() {
                    return Err(InsertError::declined(key, value));
                }
                loop {
                    let found = shard.find(hash, &key);
                    let expired = found.and_then(|slot| shard.reclaim(slot, &self.clock));
                    let replaces = if expired.is_some() { None } else { found };
                    evicted.extend(expired);
                    let admission = match replaces {
                        Some(_) => Admission::default(),
                        None => *admission.get_or_insert_with(|| shard.admit(hash, &meta)),
                    };
                    let newcomer = Newcomer {
                        meta,
                        replaces,
                        admission,
                    };
                    if shard.reserve(newcomer) {
                        evicted.extend(shard.store(newcomer, hash, key, value));
                        return Ok(evicted);
                    }
                    if !shard.pays_for(newcomer, limit / self.shards.len()) {
                        break;
                    }
                    match shard.evict(Some(newcomer), self.hot_ratio, &self.clock) {
                        Some(victim) => evicted.push(victim),
                        None => break,
                    }
                }
            }
            // This shard has less than its share, or nothing left to give, so others have more.
            let victim = self.fullest(Some(home)).lock(&self.budget).evict(
                None,
                self.hot_ratio,
                &self.clock,
            );
            evicted.extend(victim);
        }
    }

    /// A clone of the value of a live entry, of whose use the policy takes notice.
    ///
    /// An entry whose time has passed is taken out and dropped. The clock is read only if the
    /// entry expires at all.
    #[inline]
    pub fn get<Q>(&self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
        V: Clone,
    {
        self.lookup(key).map(|hit| hit.value)
    }

    /// As [`get`](Self::get), with what else is known of the entry.
    #[inline]
    pub fn lookup<Q>(&self, key: &Q) -> Option<Hit<V>>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
        V: Clone,
    {
        self.lookup_hashed(self.hash(key), key)
    }

    /// As [`lookup`](Self::lookup), with the key's hash.
    #[inline]
    pub fn lookup_hashed<Q>(&self, hash: u64, key: &Q) -> Option<Hit<V>>
    where
        K: Borrow<Q>,
        Q: Eq + ?Sized,
        V: Clone,
    {
        if self.policy == Policy::GhostClock {
            let shard = self.shards[self.shard(hash)].read();
            let Some(slot) = shard.table().find(hash, key) else {
                shard.miss();
                return None;
            };
            if !shard.table().is_expired(slot, &self.clock) {
                let entry = shard.table().entry(slot);
                entry.hit();
                let hit = Hit {
                    value: entry.value.clone(),
                    meta: entry.meta,
                };
                shard.hit();
                return Some(hit);
            }
        }
        self.lookup_alone(hash, key)
    }

    /// A lookup that may move entries or take one out.
    fn lookup_alone<Q>(&self, hash: u64, key: &Q) -> Option<Hit<V>>
    where
        K: Borrow<Q>,
        Q: Eq + ?Sized,
        V: Clone,
    {
        // Declared first, dropped last: after the lock is released.
        let _expired: Option<Removed<K, V>>;
        let mut shard = self.lock(hash);
        if let Some(slot) = shard.find(hash, key) {
            _expired = shard.reclaim(slot, &self.clock);
            if _expired.is_none() {
                let entry = shard.hit(slot);
                return Some(Hit {
                    value: entry.value.clone(),
                    meta: entry.meta,
                });
            }
        }
        shard.stats().misses += 1;
        None
    }

    /// As [`lookup`](Self::lookup), without making the entry more recently used and without
    /// counting.
    pub fn peek<Q>(&self, key: &Q) -> Option<Hit<V>>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
        V: Clone,
    {
        self.peek_hashed(self.hash(key), key)
    }

    /// As [`peek`](Self::peek), with the key's hash.
    pub fn peek_hashed<Q>(&self, hash: u64, key: &Q) -> Option<Hit<V>>
    where
        K: Borrow<Q>,
        Q: Eq + ?Sized,
        V: Clone,
    {
        let shard = self.shards[self.shard(hash)].read();
        let slot = shard.table().find(hash, key)?;
        if shard.table().is_expired(slot, &self.clock) {
            return None;
        }
        let entry = shard.table().entry(slot);
        Some(Hit {
            value: entry.value.clone(),
            meta: entry.meta,
        })
    }

    /// Takes out an entry. Returns its value if it was live.
    pub fn remove<Q>(&self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.remove_hashed(self.hash(key), key)
    }

    /// As [`remove`](Self::remove), with the key's hash.
    pub fn remove_hashed<Q>(&self, hash: u64, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Eq + ?Sized,
    {
        let removed = {
            let mut shard = self.lock(hash);
            let slot = shard.find(hash, key)?;
            match shard.reclaim(slot, &self.clock) {
                Some(expired) => expired,
                None => shard.remove(slot, Cause::Removed),
            }
        };
        (removed.cause == Cause::Removed).then_some(removed.value)
    }
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
