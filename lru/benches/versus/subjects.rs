//! The stores that are compared, behind one trait. Each is set up as its documentation advises for many threads, with
//! its own default hash function.

use std::num::NonZeroUsize;
use std::sync::Arc;

use bytes::Bytes;
use hashbrown::HashMap;
use parking_lot::Mutex;

/// As in a group: reference-counted bytes.
pub(crate) type Key = Arc<[u8]>;

/// What a store may hold.
#[derive(Clone, Copy)]
pub(crate) struct Capacity {
    pub(crate) weight: usize,
    pub(crate) entries: usize,
    /// Whether entries weigh one each, rather than the bytes of key and value.
    pub(crate) unit: bool,
}

pub(crate) trait Subject: Sync + Send + Sized + 'static {
    const NAME: &'static str;
    fn new(capacity: Capacity) -> Self;
    fn get(&self, key: &[u8]) -> Option<Bytes>;
    fn insert(&self, key: Key, value: Bytes);
    fn len(&self) -> usize;
}

fn weight(unit: bool, key: &[u8], value: &Bytes) -> usize {
    if unit { 1 } else { key.len() + value.len() }
}

/// Ours.
pub(crate) struct Ours<const STRICT: bool> {
    cache: lru::Cache<Key, Bytes>,
    unit: bool,
}

impl<const STRICT: bool> Subject for Ours<STRICT> {
    const NAME: &'static str = if STRICT { "ours, LRU" } else { "ours" };
    fn new(capacity: Capacity) -> Self {
        let policy = if STRICT {
            lru::Policy::Lru
        } else {
            lru::Policy::GhostClock
        };
        Self {
            cache: lru::Cache::<(), ()>::builder(capacity.weight)
                .policy(policy)
                .build(),
            unit: capacity.unit,
        }
    }
    #[inline]
    fn get(&self, key: &[u8]) -> Option<Bytes> {
        self.cache.get(key)
    }
    fn insert(&self, key: Key, value: Bytes) {
        let weight = weight(self.unit, &key, &value);
        drop(self.cache.insert(key, value, weight));
    }
    fn len(&self) -> usize {
        self.cache.len()
    }
}

#[derive(Clone)]
pub(crate) struct Weigher {
    unit: bool,
}

impl quick_cache::Weighter<Key, Bytes> for Weigher {
    fn weight(&self, key: &Key, value: &Bytes) -> u64 {
        weight(self.unit, key, value) as u64
    }
}

pub(crate) struct QuickCache(quick_cache::sync::Cache<Key, Bytes, Weigher>);

impl Subject for QuickCache {
    const NAME: &'static str = "quick_cache";
    fn new(capacity: Capacity) -> Self {
        let unit = capacity.unit;
        Self(quick_cache::sync::Cache::with_weighter(
            capacity.entries,
            capacity.weight as u64,
            Weigher { unit },
        ))
    }
    #[inline]
    fn get(&self, key: &[u8]) -> Option<Bytes> {
        self.0.get(key)
    }
    fn insert(&self, key: Key, value: Bytes) {
        self.0.insert(key, value);
    }
    fn len(&self) -> usize {
        self.0.len()
    }
}

pub(crate) struct Moka(moka::sync::Cache<Key, Bytes, ahash::RandomState>);

impl Subject for Moka {
    const NAME: &'static str = "moka";
    fn new(capacity: Capacity) -> Self {
        let builder = moka::sync::Cache::builder().max_capacity(capacity.weight as u64);
        let builder = if capacity.unit {
            builder
        } else {
            builder.weigher(|key: &Key, value| weight(false, key, value) as u32)
        };
        Self(builder.build_with_hasher(ahash::RandomState::new()))
    }
    #[inline]
    fn get(&self, key: &[u8]) -> Option<Bytes> {
        self.0.get(key)
    }
    fn insert(&self, key: Key, value: Bytes) {
        self.0.insert(key, value);
    }
    fn len(&self) -> usize {
        self.0.run_pending_tasks();
        self.0.entry_count() as usize
    }
}

pub(crate) struct Foyer(foyer::Cache<Key, Bytes>);

impl Subject for Foyer {
    const NAME: &'static str = "foyer S3-FIFO";
    fn new(capacity: Capacity) -> Self {
        let unit = capacity.unit;
        let builder = foyer::CacheBuilder::new(capacity.weight)
            .with_eviction_config(foyer::S3FifoConfig::default())
            .with_weighter(move |key: &Key, value: &Bytes| weight(unit, key, value));
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

/// The `lru` crate knows no weights: its capacity is in entries.
pub(crate) struct LruCrate(Mutex<rival_lru::LruCache<Key, Bytes>>);

impl Subject for LruCrate {
    const NAME: &'static str = "lru + Mutex";
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

/// What nothing that hashes and probes can beat: a table that is filled once and then only read.
pub(crate) struct Floor {
    table: HashMap<Key, Bytes>,
    filling: Mutex<HashMap<Key, Bytes>>,
}

impl Floor {
    /// Ends the filling.
    pub(crate) fn seal(&mut self) {
        self.table = std::mem::take(self.filling.get_mut());
    }
}

impl Subject for Floor {
    const NAME: &'static str = "floor";
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
