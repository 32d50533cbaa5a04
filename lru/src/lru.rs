use std::{
    fmt,
    hash::{BuildHasher, Hash},
    mem,
    time::Instant,
};

use allocator_api2::alloc::Global;
use equivalent::Equivalent;

use crate::{
    Cause, Class, Clock, DefaultHashBuilder, Evicted, InsertError, Iter, Meta, Removed, Stats,
    SystemClock,
    charge::Charge,
    recency::{Queue, Record},
    table::Table,
};

/// A strict LRU with a budget in bytes, for one thread.
///
/// The caller states what each entry costs: its *charge*, in bytes. The sum of the charges never
/// exceeds the budget. To make room, the store takes out expired entries first, in the order in
/// which they expired. Then it evicts live entries, the least recently used first.
///
/// A lookup takes constant time. An operation that adds or takes out entries takes constant time
/// for each of them, or logarithmic time if the entry has an expiry: the store grows and shrinks
/// piecemeal. A hit does not allocate.
///
/// The methods named `…_hashed` take a hash that the caller has computed already, for instance to
/// pick one of several stores. All calls for a key must use the same hash, whether from
/// [`Lru::hash`] or from elsewhere. A call with another hash merely does not find the entry.
///
/// ```
/// use lru::Lru;
///
/// let mut pages = Lru::new(10_000);
/// pages.insert("/", "<h1>Hello</h1>", 4_000)?;
/// pages.insert("/about", "<h1>About</h1>", 4_000)?;
/// assert_eq!(pages.get("/"), Some(&"<h1>Hello</h1>"));
///
/// let evicted = pages.insert("/news", "<h1>News</h1>", 4_000)?;
/// assert!(evicted.iter().map(|entry| entry.key).eq(["/about"]));
/// # Ok::<(), lru::InsertError<&str, &str>>(())
/// ```
pub struct Lru<K, V, S = DefaultHashBuilder, C = SystemClock> {
    table: Table<K, V>,
    budget: usize,
    hasher: S,
    clock: C,
    stats: Stats,
}

impl<K, V> Lru<K, V> {
    /// An empty store that holds up to `budget` bytes.
    pub fn new(budget: usize) -> Self {
        Self::with_hasher(budget, DefaultHashBuilder::default())
    }
}

impl<K, V, S> Lru<K, V, S> {
    /// An empty store with this hash builder.
    pub fn with_hasher(budget: usize, hasher: S) -> Self {
        Self::with_hasher_and_clock(budget, hasher, SystemClock)
    }
}

impl<K, V, S, C> Lru<K, V, S, C> {
    /// An empty store with this hash builder and this clock.
    pub fn with_hasher_and_clock(budget: usize, hasher: S, clock: C) -> Self {
        Self {
            table: Table::new(Global),
            budget,
            hasher,
            clock,
            stats: Stats::default(),
        }
    }

    /// The most bytes the entries may take up together.
    pub fn budget(&self) -> usize {
        self.budget
    }

    /// The bytes the entries take up: the sum of their charges.
    pub fn bytes(&self) -> usize {
        self.table.usage(Class::Main).bytes
    }

    /// The number of entries, including expired ones that have not been reclaimed yet.
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The counters of what has happened so far.
    pub fn stats(&self) -> Stats {
        self.stats
    }

    /// The entries from the most to the least recently used. Does not change the order of use.
    ///
    /// The iterator also yields expired entries that have not been reclaimed yet. Call
    /// [`remove_expired`](Self::remove_expired) first where this matters.
    pub fn iter(&self) -> Iter<'_, K, V> {
        Iter::new(&self.table, Class::Main)
    }

    /// Takes out the least recently used entry, whether or not it has expired.
    pub fn pop_oldest(&mut self) -> Option<Removed<K, V>> {
        let oldest = self.table.recency().oldest(Class::Main, Queue::Main)?;
        Some(self.remove_slot(oldest, Cause::Removed))
    }

    /// Takes out all entries. The counters are kept, and count these entries as removed.
    pub fn clear(&mut self) {
        self.stats.removals += self.len() as u64;
        self.stats.cleared += self.len() as u64;
        // The destructor of a value might panic, so `table` is valid again before one runs.
        drop(mem::replace(&mut self.table, Table::new(Global)));
    }

    #[inline]
    fn remove_slot(&mut self, slot: u32, cause: Cause) -> Removed<K, V> {
        self.stats.count(cause);
        self.table.remove(slot, cause)
    }
}

impl<K, V, S, C: Clock> Lru<K, V, S, C> {
    /// Changes the budget, in bytes, and returns the entries that had to make room.
    pub fn set_budget(&mut self, budget: usize) -> Evicted<K, V> {
        self.budget = budget;
        let mut evicted = Evicted::new();
        self.make_room(0, &mut evicted);
        evicted
    }

    /// Takes out all expired entries.
    ///
    /// The store needs no such call to stay within its budget: it takes out expired entries first
    /// whenever it makes room.
    pub fn remove_expired(&mut self) -> Evicted<K, V> {
        let mut evicted = Evicted::new();
        while let Some(expired) = self.table.remove_expired(&self.clock) {
            self.stats.expired += 1;
            evicted.push(expired);
        }
        evicted
    }

    /// Takes out the entry in `slot` if it has expired.
    #[inline]
    fn reclaim(&mut self, slot: u32) -> Option<Removed<K, V>> {
        let expired = self.table.is_expired(slot, &self.clock);
        expired.then(|| self.remove_slot(slot, Cause::Expired))
    }

    /// Makes room until `charge` more bytes fit. `charge` must not exceed the budget.
    #[inline]
    fn make_room(&mut self, charge: usize, evicted: &mut Evicted<K, V>) {
        let most = self.budget - charge;
        while self.bytes() > most || self.table.is_full() {
            if let Some(expired) = self.table.remove_expired(&self.clock) {
                self.stats.expired += 1;
                evicted.push(expired);
            } else if let Some(oldest) = self.table.recency().oldest(Class::Main, Queue::Main) {
                evicted.push(self.remove_slot(oldest, Cause::Capacity));
            } else {
                return;
            }
        }
    }
}

impl<K: Hash + Eq, V, S: BuildHasher, C: Clock> Lru<K, V, S, C> {
    /// The hash of a key, as the methods without `_hashed` compute it.
    #[inline]
    pub fn hash<Q>(&self, key: &Q) -> u64
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        self.hasher.hash_one(key)
    }

    /// Stores an entry that takes up `charge` bytes and never expires. The entry becomes the most
    /// recently used one. Returns the entry that it replaces, if any, and the entries that had to
    /// make room.
    ///
    /// # Errors
    ///
    /// If `charge` exceeds the whole budget. The error holds the key and the value. The entries in
    /// the store are unchanged: in particular, an older entry under the same key is still there.
    pub fn insert(
        &mut self,
        key: K,
        value: V,
        charge: usize,
    ) -> Result<Evicted<K, V>, InsertError<K, V>> {
        self.insert_hashed(self.hash(&key), key, value, charge, None)
    }

    /// As [`insert`](Self::insert), for an entry that expires: from the instant `expires` on, it is
    /// as good as absent. An instant 18 years or more after the store was made counts as never.
    ///
    /// # Errors
    ///
    /// As [`insert`](Self::insert).
    pub fn insert_until(
        &mut self,
        key: K,
        value: V,
        charge: usize,
        expires: Instant,
    ) -> Result<Evicted<K, V>, InsertError<K, V>> {
        self.insert_hashed(self.hash(&key), key, value, charge, Some(expires))
    }

    /// As [`insert`](Self::insert) or [`insert_until`](Self::insert_until), with the key's hash.
    ///
    /// # Errors
    ///
    /// As [`insert`](Self::insert).
    pub fn insert_hashed(
        &mut self,
        hash: u64,
        key: K,
        value: V,
        charge: usize,
        expires: Option<Instant>,
    ) -> Result<Evicted<K, V>, InsertError<K, V>> {
        let charge = Charge::round(charge);
        if charge > self.budget {
            self.stats.oversize += 1;
            return Err(InsertError::too_large(key, value, charge, self.budget));
        }
        let meta = Meta::new(charge).expires(expires);
        let mut evicted = Evicted::new();
        let found = self.table.find(hash, &key);
        let expired = found.and_then(|slot| self.reclaim(slot));
        let live = if expired.is_some() { None } else { found };
        evicted.extend(expired);
        match live {
            // The sum of the charges would overflow while both entries are present.
            Some(slot) if self.bytes().checked_add(charge).is_none() => {
                evicted.push(self.table.remove(slot, Cause::Replaced));
                self.make_room(charge, &mut evicted);
                self.table
                    .insert(hash, key, value, meta, Queue::Main, Record::default());
                self.stats.overwrites += 1;
            }
            Some(slot) => {
                evicted.push(self.table.replace(slot, key, value, meta));
                self.table.touch(slot);
                self.stats.overwrites += 1;
                self.make_room(0, &mut evicted);
            }
            None => {
                self.make_room(charge, &mut evicted);
                self.table
                    .insert(hash, key, value, meta, Queue::Main, Record::default());
                self.stats.inserts += 1;
            }
        }
        Ok(evicted)
    }

    /// The value of a live entry, which becomes the most recently used one.
    ///
    /// An expired entry is taken out and dropped. The store reads the clock only if the entry has
    /// an expiry.
    #[inline]
    pub fn get<Q>(&mut self, key: &Q) -> Option<&V>
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        self.get_hashed(self.hash(key), key)
    }

    /// As [`get`](Self::get), with the key's hash.
    #[inline]
    pub fn get_hashed<Q>(&mut self, hash: u64, key: &Q) -> Option<&V>
    where
        Q: Equivalent<K> + ?Sized,
    {
        let slot = self.hit(hash, key)?;
        Some(&self.table.entry(slot).value)
    }

    /// As [`get`](Self::get), for changing the value in place. The entry keeps its charge.
    pub fn get_mut<Q>(&mut self, key: &Q) -> Option<&mut V>
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        let slot = self.hit(self.hash(key), key)?;
        Some(&mut self.table.entry_mut(slot).value)
    }

    /// The value of a live entry. Changes neither the order of use nor the counters.
    pub fn peek<Q>(&self, key: &Q) -> Option<&V>
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        self.peek_hashed(self.hash(key), key)
    }

    /// As [`peek`](Self::peek), with the key's hash.
    pub fn peek_hashed<Q>(&self, hash: u64, key: &Q) -> Option<&V>
    where
        Q: Equivalent<K> + ?Sized,
    {
        self.live(hash, key)
            .map(|slot| &self.table.entry(slot).value)
    }

    /// The charge and the expiry of a live entry. Changes neither the order of use nor the counters.
    pub fn meta<Q>(&self, key: &Q) -> Option<Meta>
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        self.live(self.hash(key), key)
            .map(|slot| self.table.meta(slot))
    }

    /// Whether the key has a live entry. Changes neither the order of use nor the counters.
    pub fn contains<Q>(&self, key: &Q) -> bool
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        self.live(self.hash(key), key).is_some()
    }

    /// Takes out an entry. Returns its value if the entry was live.
    pub fn remove<Q>(&mut self, key: &Q) -> Option<V>
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        self.remove_hashed(self.hash(key), key)
    }

    /// As [`remove`](Self::remove), with the key's hash.
    pub fn remove_hashed<Q>(&mut self, hash: u64, key: &Q) -> Option<V>
    where
        Q: Equivalent<K> + ?Sized,
    {
        let slot = self.table.find(hash, key)?;
        match self.reclaim(slot) {
            Some(_expired) => None,
            None => Some(self.remove_slot(slot, Cause::Removed).value),
        }
    }

    /// Finds a live entry, counts the lookup, and makes the entry the most recently used one.
    #[inline]
    fn hit<Q>(&mut self, hash: u64, key: &Q) -> Option<u32>
    where
        Q: Equivalent<K> + ?Sized,
    {
        if let Some(slot) = self.table.find(hash, key)
            && self.reclaim(slot).is_none()
        {
            self.table.touch(slot);
            self.stats.hits += 1;
            return Some(slot);
        }
        self.stats.misses += 1;
        None
    }

    fn live<Q>(&self, hash: u64, key: &Q) -> Option<u32>
    where
        Q: Equivalent<K> + ?Sized,
    {
        self.table
            .find(hash, key)
            .filter(|&slot| !self.table.is_expired(slot, &self.clock))
    }
}

impl<'a, K, V, S, C> IntoIterator for &'a Lru<K, V, S, C> {
    type Item = (&'a K, &'a V);
    type IntoIter = Iter<'a, K, V>;

    fn into_iter(self) -> Iter<'a, K, V> {
        self.iter()
    }
}

impl<K, V, S, C> fmt::Debug for Lru<K, V, S, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lru")
            .field("len", &self.len())
            .field("bytes", &self.bytes())
            .field("budget", &self.budget)
            .field("stats", &self.stats)
            .finish_non_exhaustive()
    }
}
