use bytes::Bytes;
use groupcache::{ByteView, Key};
use lru::Cache;

use crate::harness::{self, Capacity, Subject, weight};

/// The store alone, with the keys and values of a group.
pub(crate) struct Store(Cache<Key, ByteView>);

impl Subject for Store {
    const NAME: &'static str = "store";
    type Value = ByteView;
    fn new(capacity: Capacity) -> Self {
        Self(Cache::new(capacity.bytes))
    }
    #[inline]
    fn get(&self, key: &[u8]) -> Option<ByteView> {
        self.0.get(key)
    }
    fn insert(&self, key: harness::Key, value: Bytes) {
        let weight = weight(&key, &value);
        drop(self.0.insert(Key::from(&*key), value.into(), weight));
    }
    fn len(&self) -> usize {
        self.0.len()
    }
}
