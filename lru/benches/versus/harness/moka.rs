use bytes::Bytes;

use super::subject::{Capacity, Key, Subject, weight};

/// moka's cache for several threads.
pub(crate) struct Moka(moka::sync::Cache<Key, Bytes, ahash::RandomState>);

impl Subject for Moka {
    const NAME: &'static str = "moka";
    type Value = Bytes;
    fn new(capacity: Capacity) -> Self {
        let builder = moka::sync::Cache::builder()
            .max_capacity(capacity.bytes as u64)
            .weigher(|key: &Key, value: &Bytes| weight(key, value) as u32);
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
