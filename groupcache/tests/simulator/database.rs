use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use tokio::sync::OwnedMutexGuard;

/// What stands behind the getters: a version for each key, which each write raises by one.
#[derive(Clone, Debug)]
pub struct Database(Arc<Vec<Row>>);

#[derive(Debug, Default)]
struct Row {
    version: AtomicU64,
    reads: AtomicU64,
    /// Held by a writer until it has told the cache, as a lock of a row would be.
    writer: Arc<tokio::sync::Mutex<()>>,
}

impl Database {
    pub fn new(keys: usize) -> Self {
        Self(Arc::new((0..keys).map(|_| Row::default()).collect()))
    }

    pub fn read(&self, key: usize) -> u64 {
        self.0[key].reads.fetch_add(1, Relaxed);
        self.version(key)
    }

    /// The version now; not counted as a read.
    pub fn version(&self, key: usize) -> u64 {
        self.0[key].version.load(Relaxed)
    }

    pub fn reads(&self, key: usize) -> u64 {
        self.0[key].reads.load(Relaxed)
    }

    /// Waits until no other writer is at work on the keys.
    pub async fn lock(&self, keys: &[usize]) -> Vec<OwnedMutexGuard<()>> {
        let mut guards = Vec::new();
        for &key in keys {
            guards.push(Arc::clone(&self.0[key].writer).lock_owned().await);
        }
        guards
    }

    /// Writes, and returns the new version.
    pub fn write(&self, key: usize) -> u64 {
        self.0[key].version.fetch_add(1, Relaxed) + 1
    }
}
