use bytes::Bytes;

use super::subject::{Capacity, Key, Subject, weight};

#[derive(Clone)]
struct Weigher;

impl quick_cache::Weighter<Key, Bytes> for Weigher {
    fn weight(&self, key: &Key, value: &Bytes) -> u64 {
        weight(key, value) as u64
    }
}

/// quick_cache's cache for several threads.
pub(crate) struct QuickCache(quick_cache::sync::Cache<Key, Bytes, Weigher>);

impl Subject for QuickCache {
    const NAME: &'static str = "quick_cache";
    type Value = Bytes;
    fn new(capacity: Capacity) -> Self {
        Self(quick_cache::sync::Cache::with_weighter(
            capacity.entries,
            capacity.bytes as u64,
            Weigher,
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
