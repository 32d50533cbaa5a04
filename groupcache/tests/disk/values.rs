//! What goes to disk, and comes back from there.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};

use groupcache::{DiskOptions, Key, Source as From, Value};

use crate::common::lonely_node;
use crate::support::{
    DISK, KEYS, MEMORY, Source, fill, group, key, number_of, opened, value, written,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_makes_room_is_read_from_disk_and_not_loaded_again() {
    let (node, source) = (lonely_node().await, Source::default());
    let folder = tempfile::tempdir().unwrap();
    let group = group(&node, folder.path(), &source).await;
    fill(&group, KEYS).await;
    let (calls, hits) = (source.calls(), group.stats().disk_hits);
    for n in 0..KEYS {
        let entry = group.entry(key(n)).await.unwrap();
        assert_eq!(*entry.value(), value(&key(n), 0));
        assert_eq!(entry.source(), From::Main);
    }
    let stats = group.stats();
    assert_eq!(source.calls(), calls, "{stats}");
    assert!(stats.disk_hits > hits + KEYS / 2, "{stats}");
    assert_eq!((stats.disk_errors, stats.disk_lost), (0, 0));
    assert_eq!(stats.gets, stats.main_hits + stats.loaded);
    let outcomes = group.get_many((0..KEYS).map(key)).await;
    assert!(outcomes.into_iter().all(|outcome| outcome.is_ok()));
    assert_eq!(
        source.calls(),
        calls,
        "a get of several keys looks there too"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_asked_for_once_costs_no_write() {
    let (node, source) = (lonely_node().await, Source::default());
    let folder = tempfile::tempdir().unwrap();
    let group = group(&node, folder.path(), &source).await;
    for n in 0..10 * KEYS {
        group.get(key(n)).await.unwrap();
    }
    let stats = group.stats();
    assert!(stats.evictions > 8 * KEYS);
    assert_eq!((stats.disk_writes, stats.disk_entries), (0, 0));
    assert_eq!(group.disk().unwrap().not_worth, stats.evictions);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_value_on_disk_goes_with_a_removal_a_set_and_a_clear() {
    let (node, source) = (lonely_node().await, Source::default());
    let folder = tempfile::tempdir().unwrap();
    let group = group(&node, folder.path(), &source).await;
    fill(&group, KEYS).await;
    source.set_version(1);
    group.remove(key(0)).await.unwrap();
    assert_eq!(group.get(key(0)).await.unwrap(), value(&key(0), 1));
    group
        .set(key(1), Value::from(value(&key(1), 2)))
        .await
        .unwrap();
    for _ in 0..2 {
        // Memory loses the value that was set, to the disk if anywhere.
        for n in 2..KEYS {
            group.get(key(n)).await.unwrap();
        }
        let found = group.get(key(1)).await.unwrap();
        assert!(found == value(&key(1), 2) || found == value(&key(1), 1));
    }
    group.clear().await.unwrap();
    assert_eq!(group.stats().disk_entries, 0);
    for n in 0..KEYS {
        assert_eq!(group.get(key(n)).await.unwrap(), value(&key(n), 1));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_keeps_to_its_budget_and_uses_the_space_of_the_oldest_again() {
    let (node, source) = (lonely_node().await, Source::default());
    let folder = tempfile::tempdir().unwrap();
    let group = node.group("g", MEMORY, source.getter());
    let disk = DiskOptions::new(folder.path(), 4 << 20);
    let group = group.disk(disk).build().unwrap();
    opened(&group).await;
    fill(&group, 2000).await;
    let stats = group.stats();
    assert!(
        stats.disk_writes > 1500 && stats.disk_entries <= 512,
        "{stats}"
    );
    let files = walk(folder.path());
    assert!(files <= 6 << 20, "{files} bytes in files");
    let calls = source.calls();
    for n in 1700..2000 {
        assert_eq!(group.get(key(n)).await.unwrap(), value(&key(n), 0));
    }
    let loaded = source.calls() - calls;
    assert!(
        loaded < 30,
        "{loaded} of the latest were gone: {}",
        group.stats()
    );
}

fn walk(folder: &std::path::Path) -> u64 {
    let entries = std::fs::read_dir(folder).unwrap();
    let sizes = entries.map(|entry| {
        let entry = entry.unwrap();
        let kind = entry.metadata().unwrap();
        if kind.is_dir() {
            walk(&entry.path())
        } else {
            kind.len()
        }
    });
    sizes.sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writes_beyond_the_queue_are_shed_and_counted() {
    let (node, source) = (lonely_node().await, Source::default());
    let folder = tempfile::tempdir().unwrap();
    let group = node.group("g", MEMORY, source.getter());
    let disk = DiskOptions::new(folder.path(), DISK).write_queue_bytes(64 << 10);
    let group = group.disk(disk).build().unwrap();
    opened(&group).await;
    for _ in 0..3 {
        // Without a pause, in which the disk could catch up.
        for n in 0..20 * KEYS {
            group.get(key(n)).await.unwrap();
        }
        assert!(group.disk().unwrap().queued_bytes <= 64 << 10);
    }
    written(&group).await;
    let stats = group.stats();
    assert!(stats.disk_writes > 0 && stats.disk_shed > 0, "{stats}");
}

/// The truth of each key is a number that grows. Whoever raises it removes the key, and from then on nobody may get less.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_value_comes_back_from_disk_that_was_removed_while_it_went_there() {
    const KEYS: u64 = 40;
    let node = lonely_node().await;
    let folder = tempfile::tempdir().unwrap();
    let truth: Arc<Vec<AtomicU64>> = Arc::new((0..KEYS).map(|_| AtomicU64::new(0)).collect());
    let floor: Arc<Vec<AtomicU64>> = Arc::new((0..KEYS).map(|_| AtomicU64::new(0)).collect());
    let database = Arc::clone(&truth);
    let getter = move |key: Key| {
        let n = number_of(&key) as usize;
        let version = database[n].load(SeqCst);
        async move { Ok::<_, Infallible>(value(&key.to_str_lossy(), version)) }
    };
    let group = node.group("g", 24 << 10, getter);
    let group = group
        .disk(DiskOptions::new(folder.path(), DISK))
        .build()
        .unwrap();
    opened(&group).await;
    let is_over = Arc::new(AtomicBool::new(false));
    let readers = (0..3_u64).map(|reader| {
        let (group, floor, is_over) = (group.clone(), Arc::clone(&floor), Arc::clone(&is_over));
        tokio::spawn(async move {
            let mut n = reader;
            while !is_over.load(SeqCst) {
                n = n
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                let at = (n >> 30) % KEYS;
                let least = floor[at as usize].load(SeqCst);
                let found = group
                    .get(key(at))
                    .await
                    .unwrap()
                    .to_str_lossy()
                    .into_owned();
                let version: u64 = found.split(' ').nth(1).unwrap().parse().unwrap();
                assert!(
                    version >= least,
                    "{} of {at}, which is {least} at least",
                    version
                );
                tokio::task::yield_now().await;
            }
        })
    });
    let readers: Vec<_> = readers.collect();
    for n in 0..6000 {
        let at = (n * 7 % KEYS) as usize;
        let version = truth[at].fetch_add(1, SeqCst) + 1;
        group.remove(key(at as u64)).await.unwrap();
        floor[at].store(version, SeqCst);
    }
    is_over.store(true, SeqCst);
    for reader in readers {
        reader.await.unwrap();
    }
    let stats = group.stats();
    assert!(stats.disk_hits > 100, "{stats}");
}
