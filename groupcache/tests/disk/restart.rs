//! What a node without peers has on disk after a restart.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::{Duration, SystemTime};

use groupcache::{DiskOptions, DiskState, Group, Node, WallClock};

use crate::common::lonely_node;
use crate::support::{DISK, KEYS, MEMORY, Source, fill, free, group, key, opened, value};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_on_disk_is_there_after_a_restart_but_for_what_was_removed() {
    let folder = tempfile::tempdir().unwrap();
    let source = Source::default();
    let entries = {
        let node = lonely_node().await;
        let group = group(&node, folder.path(), &source).await;
        fill(&group, KEYS).await;
        source.set_version(1);
        group.remove(key(3)).await.unwrap();
        node.shutdown().await;
        assert_eq!(group.disk().unwrap().state, DiskState::Closed);
        // Also after the end.
        group.remove(key(4)).await.unwrap();
        group.stats().disk_entries
    };
    let node = lonely_node().await;
    let group = group(&node, folder.path(), &source).await;
    let report = group.disk().unwrap();
    assert_eq!((report.state, report.dropped), (DiskState::Open, 0));
    assert_eq!(report.restored, entries);
    assert!(report.restored > KEYS / 2);
    let calls = source.calls();
    let mut old = 0;
    for n in 0..KEYS {
        let found = group.get(key(n)).await.unwrap();
        old += u64::from(found == value(&key(n), 0));
        assert!(found == value(&key(n), 0) || found == value(&key(n), 1));
    }
    assert_eq!(old, entries);
    assert_eq!(source.calls() - calls, KEYS - entries);
    for n in [3, 4] {
        assert_eq!(group.get(key(n)).await.unwrap(), value(&key(n), 1));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cleared_group_is_empty_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let source = Source::default();
    {
        let node = lonely_node().await;
        let group = group(&node, folder.path(), &source).await;
        fill(&group, KEYS).await;
        group.clear().await.unwrap();
        node.shutdown().await;
    }
    let node = lonely_node().await;
    let group = group(&node, folder.path(), &source).await;
    assert_eq!(group.disk().unwrap().restored, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_version_begins_empty_and_another_name_has_a_folder_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let source = Source::default();
    let restored = async |name: &str, version| {
        let node = lonely_node().await;
        free(folder.path()).await;
        let group = node.group(name, MEMORY, source.getter());
        let disk = DiskOptions::new(folder.path(), DISK).version(version);
        let group = group.disk(disk).build().unwrap();
        opened(&group).await;
        let restored = group.disk().unwrap().restored;
        fill(&group, KEYS).await;
        node.shutdown().await;
        restored > 0
    };
    assert!(!restored("one", 1).await);
    assert!(restored("one", 1).await);
    assert!(!restored("other", 1).await);
    assert!(!restored("one", 2).await);
    assert!(restored("other", 1).await);
}

/// A node whose wall clock shows what the test says, in seconds.
async fn node_at(seconds: &Arc<AtomicU64>) -> Node {
    let seconds = Arc::clone(seconds);
    let now = move || SystemTime::UNIX_EPOCH + Duration::from_secs(seconds.load(SeqCst));
    let node = Node::builder("http://127.0.0.1:1").wall_clock(WallClock::of(now));
    node.start().await.unwrap()
}

async fn group_with_ttl(node: &Node, folder: &std::path::Path, source: &Source) -> Group {
    free(folder).await;
    let group = node.group("g", MEMORY, source.getter());
    let group = group
        .ttl(Duration::from_secs(100))
        .ttl_jitter(Duration::ZERO);
    let group = group.disk(DiskOptions::new(folder, DISK)).build().unwrap();
    opened(&group).await;
    group
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_age_while_the_process_is_down_and_a_clock_that_was_put_back_ends_them() {
    let source = Source::default();
    for (later, is_old) in [(1_000_050, true), (1_000_101, false), (999_000, false)] {
        let folder = tempfile::tempdir().unwrap();
        let seconds = Arc::new(AtomicU64::new(1_000_000));
        source.set_version(0);
        {
            let node = node_at(&seconds).await;
            let group = group_with_ttl(&node, folder.path(), &source).await;
            fill(&group, KEYS).await;
            node.shutdown().await;
        }
        seconds.store(later, SeqCst);
        source.set_version(1);
        let node = node_at(&seconds).await;
        let group = group_with_ttl(&node, folder.path(), &source).await;
        assert!(group.disk().unwrap().restored > 0);
        let mut old = 0;
        for n in 0..KEYS {
            old += u64::from(group.get(key(n)).await.unwrap() == value(&key(n), 0));
        }
        assert_eq!(old > KEYS / 2, is_old, "{old} at {later}");
        assert_eq!(old > 0, is_old, "{old} at {later}");
        if is_old {
            let cached = (0..KEYS).filter_map(|n| group.inspect(key(n)));
            let longest = cached.filter_map(|cached| cached.fresh_for).max();
            assert!(longest.unwrap() <= Duration::from_secs(100));
        }
    }
}
