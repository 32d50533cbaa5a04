use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::{Key, Store, Stored, Usage};

/// A [`Store`] that keeps everything, in a map that a test can look into. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct MapStore(Arc<Mutex<HashMap<Key, Stored>>>);

impl MapStore {
    /// All entries, in the order of the keys.
    pub fn entries(&self) -> Vec<(Key, Stored)> {
        let mut entries: Vec<_> = self.0.lock().clone().into_iter().collect();
        entries.sort_by(|(a, _), (b, _)| a.cmp(b));
        entries
    }
}

impl Store for MapStore {
    fn get(&self, key: &[u8]) -> Option<Stored> {
        self.0.lock().get(key).cloned()
    }

    fn insert(&self, key: Key, stored: Stored) {
        self.0.lock().insert(key, stored);
    }

    fn remove(&self, key: &[u8]) {
        self.0.lock().remove(key);
    }

    fn clear(&self) {
        self.0.lock().clear();
    }

    fn keys(&self, limit: usize) -> Vec<Key> {
        self.0.lock().keys().take(limit).cloned().collect()
    }

    /// Bytes are those of keys and values.
    fn usage(&self) -> Usage {
        let entries = self.0.lock();
        let mut usage = Usage {
            budget: usize::MAX,
            ..Usage::default()
        };
        for (key, stored) in &*entries {
            let bytes = key.len() + stored.value.len();
            usage.entries += 1;
            usage.bytes += bytes;
            if stored.mirror {
                usage.hot_entries += 1;
                usage.hot_bytes += bytes;
            }
        }
        usage
    }
}
