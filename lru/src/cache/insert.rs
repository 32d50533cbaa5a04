use std::hash::{BuildHasher, Hash};

use allocator_api2::alloc::Allocator;

use super::Cache;
use crate::{
    Clock, Evicted, InsertError, Meta, charge::Charge, ghost_clock::Admission, shard::Newcomer,
};

impl<K: Hash + Eq, V, S: BuildHasher, C: Clock, A: Allocator + Clone> Cache<K, V, S, C, A> {
    /// Stores an entry. Returns the entry that it replaces, if any, and the entries that had to
    /// make room.
    ///
    /// `meta` is the number of bytes that the entry takes up, or a [`Meta`] that says more. A key
    /// has one entry: the new entry replaces an older one under the same key, also one of the other
    /// class.
    ///
    /// # Errors
    ///
    /// If the charge exceeds the whole budget. The error holds the key and the value. The entries in
    /// the cache are unchanged: in particular, an older entry under the same key is still there.
    ///
    /// There is one exception. If another thread lowers the budget while the insert makes room, the
    /// insert may fail after it has evicted entries. These stay evicted, and are dropped.
    pub fn insert(
        &self,
        key: K,
        value: V,
        meta: impl Into<Meta>,
    ) -> Result<Evicted<K, V>, InsertError<K, V>> {
        self.insert_if(key, value, meta, || true)
    }

    /// As [`insert`](Self::insert), but only if `condition` holds at the moment of the insert.
    ///
    /// The condition runs under the lock that a concurrent [`remove`](Self::remove) of the key or
    /// [`clear`](Self::clear) has to take. So a thread that first makes the condition false and then
    /// removes the key can be sure that the entry is not there afterwards. This insert either sees
    /// that the condition is false, or stores the entry before the removal comes to the shard.
    ///
    /// The insert may call the condition more than once. The condition has to be quick, and must not
    /// call the cache. If it turns false while the insert makes room, the entries that were evicted
    /// until then stay evicted, and are dropped.
    ///
    /// # Errors
    ///
    /// As [`insert`](Self::insert), and if the condition does not hold.
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
        let mut evicted = Evicted::new();
        let mut meta = meta.into();
        meta.charge = Charge::round(meta.charge);
        let stored = self.store_if(hash, key, value, meta, condition, &mut evicted);
        self.tell(&evicted);
        stored.map(|()| evicted)
    }

    /// Puts the entries that leave into `evicted`, so that they are dropped after all locks are released, however the
    /// function returns.
    fn store_if(
        &self,
        hash: u64,
        key: K,
        value: V,
        meta: Meta,
        condition: impl Fn() -> bool,
        evicted: &mut Evicted<K, V>,
    ) -> Result<(), InsertError<K, V>> {
        let home = self.shard(hash);
        let mut admission: Option<Admission> = None;
        loop {
            {
                let mut shard = self.lock(home);
                let limit = self.budget.limit();
                if meta.charge > limit {
                    shard.stats().oversize += 1;
                    return Err(InsertError::too_large(key, value, meta.charge, limit));
                }
                if !condition() {
                    return Err(InsertError::declined(key, value));
                }
                // A key that is absent stays absent while the shard is locked.
                let mut absent = false;
                loop {
                    let found = if absent { None } else { shard.find(hash, &key) };
                    absent = found.is_none();
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
                        shard.store(newcomer, hash, key, value, &self.clock, evicted);
                        return Ok(());
                    }
                    if !shard.pays_for(newcomer, self.share(limit)) {
                        break;
                    }
                    if shard.is_renewed() && self.stalest(home).is_some() {
                        break;
                    }
                    match shard.evict(Some(newcomer), self.hot_ratio, &self.clock) {
                        Some(victim) => evicted.push(victim),
                        None => break,
                    }
                }
            }
            // This shard stays within its share, or has nothing left to evict. So other shards hold
            // the bytes that the newcomer needs. Or another shard has entries that should go first.
            let other = self
                .stalest(home)
                .unwrap_or_else(|| self.fullest(Some(home)));
            let mut other = self.lock(other);
            evicted.extend(other.evict(None, self.hot_ratio, &self.clock));
        }
    }
}
