use std::time::Instant;

use bytes::Bytes;
use groupcache::{ByteView, Key};
use lru::Cache;

use crate::harness::{self, Capacity, Subject, weight};

/// The store alone, with the keys and values of a group.
pub(crate) struct Store(Cache<Key, Stored>);

#[derive(Clone)]
pub(crate) struct Stored {
    _view: ByteView,
    _fresh_until: Option<Instant>,
}

impl Subject for Store {
    const NAME: &'static str = "store";
    type Value = Stored;
    fn new(capacity: Capacity) -> Self {
        Self(Cache::new(capacity.bytes))
    }
    #[inline]
    fn get(&self, key: &[u8]) -> Option<Stored> {
        self.0.get(key)
    }
    fn insert(&self, key: harness::Key, value: Bytes) {
        let weight = weight(&key, &value);
        let stored = Stored {
            _view: value.into(),
            _fresh_until: None,
        };
        drop(self.0.insert(Key::from(&*key), stored, weight));
    }
    fn len(&self) -> usize {
        self.0.len()
    }
}
