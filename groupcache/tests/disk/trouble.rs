//! Disks that fail, and folders that are not ours.

use std::fs;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use groupcache::{DiskOptions, DiskState, Error, Node, Store, Stored, Usage};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::common::lonely_node;
use crate::support::{DISK, KEYS, MEMORY, Source, fill, free, group, key, opened, value};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_that_cannot_be_made_leaves_the_group_in_memory_and_the_disk_degraded() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a file");
    fs::write(&file, "in the way").unwrap();
    let (node, source) = (lonely_node().await, Source::default());
    let group = group(&node, &file, &source).await;
    let report = group.disk().unwrap();
    assert_eq!(report.state, DiskState::Degraded);
    assert!(report.trouble.is_some());
    fill(&group, KEYS).await;
    group.remove(key(0)).await.unwrap();
    assert_eq!(group.get(key(0)).await.unwrap(), value(&key(0), 0));
    let stats = group.stats();
    assert_eq!((stats.disk_errors, stats.disk_writes), (1, 0));
    node.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_health_of_a_node_says_that_a_disk_has_failed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a file");
    fs::write(&file, "in the way").unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let node = Node::builder(format!("http://{address}")).listener(listener);
    let node = node.start().await.unwrap();
    let health = async || {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request =
            format!("GET /healthz HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        answer.rsplit("\r\n").next().unwrap().to_owned()
    };
    assert_eq!(health().await, "ok");
    let source = Source::default();
    let _group = group(&node, &file, &source).await;
    assert_eq!(health().await, "degraded: no disk for g");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_that_somebody_else_uses_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let source = Source::default();
    let (first, second) = (lonely_node().await, lonely_node().await);
    let one = group(&first, folder.path(), &source).await;
    let other = second.group("g", MEMORY, source.getter());
    let other = other
        .disk(DiskOptions::new(folder.path(), DISK))
        .build()
        .unwrap();
    opened(&other).await;
    assert_eq!(other.disk().unwrap().state, DiskState::Degraded);
    assert_eq!(one.disk().unwrap().state, DiskState::Open);
    fill(&one, KEYS).await;
    assert!(one.stats().disk_entries > 0);

    // The one does not hear of what the other removes, and so proves nothing.
    first.shutdown().await;
    drop((first, one));
    other.remove(key(0)).await.unwrap();
    drop((second, other));
    let again = group(&lonely_node().await, folder.path(), &source).await;
    let report = again.disk().unwrap();
    assert_eq!((report.state, report.restored), (DiskState::Open, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_on_disk_does_not_count_after_a_run_that_could_not_open_it() {
    let folder = tempfile::tempdir().unwrap();
    let source = Source::default();
    {
        let node = lonely_node().await;
        let group = group(&node, folder.path(), &source).await;
        fill(&group, KEYS).await;
        node.shutdown().await;
    }
    free(folder.path()).await;
    let of_group = fs::read_dir(folder.path()).unwrap().next().unwrap();
    let lock = of_group.unwrap().path().join("lock");
    fs::remove_file(&lock).unwrap();
    fs::create_dir(&lock).unwrap();
    {
        let node = lonely_node().await;
        let group = node.group("g", MEMORY, source.getter());
        let group = group.disk(DiskOptions::new(folder.path(), DISK));
        let group = group.build().unwrap();
        assert_eq!(group.disk().unwrap().state, DiskState::Degraded);
        group.remove(key(0)).await.unwrap();
    }
    fs::remove_dir(&lock).unwrap();
    let node = lonely_node().await;
    let group = group(&node, folder.path(), &source).await;
    let report = group.disk().unwrap();
    assert_eq!((report.state, report.restored), (DiskState::Open, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_fails_on_the_way_is_given_up_and_nothing_of_it_counts_again() {
    let folder = tempfile::tempdir().unwrap();
    let source = Source::default();
    {
        let node = lonely_node().await;
        let group = group(&node, folder.path(), &source).await;
        fill(&group, KEYS).await;
        assert!(group.stats().disk_entries > 0);
        // The next ledger cannot be made: its name is taken by a folder.
        let own = fs::read_dir(folder.path()).unwrap().next().unwrap();
        let own = own.unwrap().path();
        for number in 0..10 {
            _ = fs::create_dir(own.join(format!("ledger-{number}")));
        }
        group.clear().await.unwrap();
        let report = group.disk().unwrap();
        assert_eq!(report.state, DiskState::Degraded, "{report:?}");
        fill(&group, KEYS).await;
        assert_eq!(group.get(key(1)).await.unwrap(), value(&key(1), 0));
        node.shutdown().await;
        for number in 0..10 {
            _ = fs::remove_dir(own.join(format!("ledger-{number}")));
        }
    }
    let node = lonely_node().await;
    let group = group(&node, folder.path(), &source).await;
    let report = group.disk().unwrap();
    assert_eq!((report.state, report.restored), (DiskState::Open, 0));
}

struct Nothing;

impl Store for Nothing {
    fn get(&self, _: &[u8]) -> Option<Stored> {
        None
    }
    fn insert(&self, _: groupcache::Key, _: Stored) {}
    fn remove(&self, _: &[u8]) {}
    fn clear(&self) {}
    fn usage(&self) -> Usage {
        Usage::default()
    }
}

#[tokio::test]
async fn settings_that_cannot_work_are_refused_by_name() {
    let (node, source) = (lonely_node().await, Source::default());
    let folder = tempfile::tempdir().unwrap();
    let disk = || DiskOptions::new(folder.path(), DISK);
    let refused = |error: Result<_, Error>| error.err().unwrap().to_string();
    let group = |budget| node.group("g", budget, source.getter());
    for (error, name) in [
        (group(0).disk(disk()).build(), "disk"),
        (group(MEMORY).store(Nothing).disk(disk()).build(), "disk"),
        (
            group(MEMORY)
                .disk(DiskOptions::new(folder.path(), 1))
                .build(),
            "disk",
        ),
        (
            group(MEMORY).disk(disk().write_queue_bytes(1)).build(),
            "write_queue_bytes",
        ),
        (
            group(MEMORY)
                .disk(disk().restore_timeout(std::time::Duration::ZERO))
                .build(),
            "restore_timeout",
        ),
    ] {
        let text = refused(error);
        assert!(text.contains(name), "{text}");
    }
}

#[test]
fn a_runtime_that_ends_while_values_are_written_to_disk_does_end() {
    let (done, is_done) = mpsc::channel();
    thread::spawn(move || {
        for round in 0..20 {
            let folder = tempfile::tempdir().unwrap();
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(2)
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let (node, source) = (lonely_node().await, Source::default());
                let disk = DiskOptions::new(folder.path(), 4 << 20);
                let group = node.group("g", MEMORY, source.getter()).disk(disk);
                let group = group.build().unwrap();
                opened(&group).await;
                // More than the disk has room for, so that space is used again.
                for n in (0..2000 + 20 * round).chain(0..2000) {
                    group.get(key(n)).await.unwrap();
                }
            });
            drop(runtime);
        }
        done.send(()).unwrap();
    });
    let ended = is_done.recv_timeout(Duration::from_secs(120));
    assert!(ended.is_ok(), "a runtime waits for its disk");
}
