use std::hash::{BuildHasher, Hash};

use super::Cache;
use crate::{Clock, Evicted, InsertError, Meta, ghost_clock::Admission, shard::Newcomer};

impl<K: Hash + Eq, V, S: BuildHasher, C: Clock> Cache<K, V, S, C> {
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
                let mut shard = self.lock(home);
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
                        evicted.extend(shard.store(newcomer, hash, key, value, &self.clock));
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
            let mut other = self.lock(self.fullest(Some(home)));
            evicted.extend(other.evict(None, self.hot_ratio, &self.clock));
        }
    }
}
