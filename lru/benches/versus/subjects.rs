//! The stores that are compared, except those that the bench of `groupcache` also compares.

use std::num::NonZeroUsize;

use bytes::Bytes;
use hashbrown::HashMap;
use parking_lot::Mutex;

use crate::harness::{Capacity, Key, Subject, weight};

/// Our store, under `Policy::Lru` if `STRICT`.
pub(crate) struct Ours<const STRICT: bool>(lru::Cache<Key, Bytes>);

impl<const STRICT: bool> Subject for Ours<STRICT> {
    const NAME: &'static str = if STRICT { "ours, LRU" } else { "ours" };
    type Value = Bytes;
    fn new(capacity: Capacity) -> Self {
        let policy = if STRICT {
            lru::Policy::Lru
        } else {
            lru::Policy::default()
        };
        Self(
            lru::Cache::<(), ()>::builder(capacity.bytes)
                .policy(policy)
                .build(),
        )
    }
    #[inline]
    fn get(&self, key: &[u8]) -> Option<Bytes> {
        self.0.get(key)
    }
    fn insert(&self, key: Key, value: Bytes) {
        let weight = weight(&key, &value);
        drop(self.0.insert(key, value, weight));
    }
    fn len(&self) -> usize {
        self.0.len()
    }
}

/// foyer's in-memory cache, with its fastest policy.
pub(crate) struct Foyer(foyer::Cache<Key, Bytes>);

impl Subject for Foyer {
    const NAME: &'static str = "foyer S3-FIFO";
    type Value = Bytes;
    fn new(capacity: Capacity) -> Self {
        let builder = foyer::CacheBuilder::new(capacity.bytes)
            .with_eviction_config(foyer::S3FifoConfig::default())
            .with_weighter(|key: &Key, value: &Bytes| weight(key, value));
        Self(builder.build())
    }
    #[inline]
    fn get(&self, key: &[u8]) -> Option<Bytes> {
        self.0.get(key).map(|entry| entry.value().clone())
    }
    fn insert(&self, key: Key, value: Bytes) {
        self.0.insert(key, value);
    }
    fn len(&self) -> usize {
        self.0.entries()
    }
}

/// The `lru` crate behind a mutex. The crate has no weights: its capacity is in entries.
pub(crate) struct LruCrate(Mutex<rival_lru::LruCache<Key, Bytes>>);

impl Subject for LruCrate {
    const NAME: &'static str = "lru + Mutex";
    type Value = Bytes;
    fn new(capacity: Capacity) -> Self {
        let entries = NonZeroUsize::new(capacity.entries).unwrap_or(NonZeroUsize::MIN);
        Self(Mutex::new(rival_lru::LruCache::new(entries)))
    }
    #[inline]
    fn get(&self, key: &[u8]) -> Option<Bytes> {
        self.0.lock().get(key).cloned()
    }
    fn insert(&self, key: Key, value: Bytes) {
        let replaced = self.0.lock().push(key, value);
        drop(replaced);
    }
    fn len(&self) -> usize {
        self.0.lock().len()
    }
}

/// A table that is filled once and then only read, without locks or eviction. Its time is that of hashing, probing and
/// cloning. The floor is not quite a bound. If most reads miss the processor's caches, a store whose entries lie closer
/// together can be faster.
pub(crate) struct Floor {
    table: HashMap<Key, Bytes>,
    filling: Mutex<HashMap<Key, Bytes>>,
}

impl Floor {
    /// Ends the filling.
    pub(crate) fn seal(mut self) -> Self {
        self.table = std::mem::take(self.filling.get_mut());
        self
    }
}

impl Subject for Floor {
    const NAME: &'static str = "floor";
    type Value = Bytes;
    fn new(_: Capacity) -> Self {
        Self {
            table: HashMap::new(),
            filling: Mutex::default(),
        }
    }
    #[inline]
    fn get(&self, key: &[u8]) -> Option<Bytes> {
        self.table.get(key).cloned()
    }
    fn insert(&self, key: Key, value: Bytes) {
        self.filling.lock().insert(key, value);
    }
    fn len(&self) -> usize {
        self.table.len().max(self.filling.lock().len())
    }
}
