//! Groups with little memory and a disk.

use std::convert::Infallible;
use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use groupcache::{DiskOptions, DiskState, Getter, Group, Key, Node};

use crate::common::until;

/// So much memory has room for a few values.
pub(crate) const MEMORY: usize = 64 << 10;

/// More keys than memory has room for.
pub(crate) const KEYS: u64 = 100;

pub(crate) const DISK: usize = 32 << 20;

/// What the values come from: each key has a version, and a value tells both.
#[derive(Clone, Debug, Default)]
pub(crate) struct Source(Arc<(AtomicU64, AtomicU64)>);

impl Source {
    /// The version of all keys.
    pub(crate) fn set_version(&self, version: u64) {
        self.0.1.store(version, SeqCst);
    }

    pub(crate) fn calls(&self) -> u64 {
        self.0.0.load(SeqCst)
    }

    pub(crate) fn getter(&self) -> impl Getter + Clone + use<> {
        let source = self.clone();
        move |key: Key| {
            source.0.0.fetch_add(1, SeqCst);
            let version = source.0.1.load(SeqCst);
            async move { Ok::<_, Infallible>(value(&key.to_str_lossy(), version)) }
        }
    }
}

/// 4 KiB that nobody else would write.
pub(crate) fn value(key: &str, version: u64) -> String {
    let mut value = format!("{key} {version} ");
    let repeated = value.clone();
    while value.len() < 4 << 10 {
        value.push_str(&repeated);
    }
    value
}

/// Begins with what spreads the keys over every ring.
pub(crate) fn key(n: u64) -> String {
    format!("{:016x}-{n}", (n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15))
}

pub(crate) fn number_of(key: &Key) -> u64 {
    let key = key.to_str().unwrap();
    key.split_once('-').unwrap().1.parse().unwrap()
}

/// A group whose disk is in this folder.
pub(crate) async fn group(node: &Node, folder: &Path, source: &Source) -> Group {
    free(folder).await;
    let group = node.group("g", MEMORY, source.getter());
    let group = group.disk(DiskOptions::new(folder, DISK)).build().unwrap();
    opened(&group).await;
    group
}

/// Waits until nobody uses a folder any more: the tasks of a node that has ended may end a little later.
pub(crate) async fn free(folder: &Path) {
    let folders = fs::read_dir(folder).into_iter().flatten().flatten();
    for lock in folders.map(|folder| folder.path().join("lock")) {
        until(|| File::open(&lock).map_or(true, |lock| lock.try_lock().is_ok())).await;
    }
}

/// Waits until the disk serves, or does not any more.
pub(crate) async fn opened(group: &Group) {
    until(|| group.disk().unwrap().state != DiskState::Opening).await;
}

/// Gets all keys so often that those which memory has no room for are on disk.
pub(crate) async fn fill(group: &Group, keys: u64) {
    for _ in 0..3 {
        for n in 0..keys {
            group.get(key(n)).await.unwrap();
            // Nothing is shed.
            if n % 16 == 0 {
                written(group).await;
            }
        }
        written(group).await;
    }
}

/// Waits until nothing waits to be written.
pub(crate) async fn written(group: &Group) {
    until(|| group.disk().unwrap().queued_bytes == 0).await;
}
