//! What a node of a cluster has on disk after a restart: what the others can prove.

use std::path::Path;
use std::time::Duration;

use groupcache::{CoherenceOptions, DiskOptions, DiskReport, Group, Never, Node, Protocol};
use tokio::net::TcpListener;

use crate::common::until;
use crate::support::{DISK, KEYS, MEMORY, Source, fill, free, key, opened, value};

/// Some nodes with addresses that they keep.
struct Nodes {
    urls: Vec<String>,
    protocol: Protocol,
    log_bytes: usize,
    source: Source,
}

impl Nodes {
    async fn of(count: usize, protocol: Protocol) -> Self {
        let mut urls = Vec::new();
        for _ in 0..count {
            // Nobody else is given the port soon after.
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            urls.push(format!("http://{}", listener.local_addr().unwrap()));
        }
        Self {
            urls,
            protocol,
            log_bytes: 1 << 20,
            source: Source::default(),
        }
    }

    /// Starts the node of that number among the first ones.
    async fn start(&self, number: usize, among: usize) -> Node {
        let url = &self.urls[number];
        Node::builder(url)
            .peers(&self.urls[..among])
            .protocol(self.protocol)
            .coherence(CoherenceOptions::default().change_log_bytes(self.log_bytes))
            .listen(url.trim_start_matches("http://"))
            .start()
            .await
            .unwrap()
    }

    async fn with_disk(&self, node: &Node, folder: &Path) -> Group {
        free(folder).await;
        let group = node.group("g", MEMORY, self.source.getter());
        let disk = DiskOptions::new(folder, DISK).restore_timeout(Duration::from_secs(2));
        let group = group.disk(disk).promoter(Never).build().unwrap();
        opened(&group).await;
        group
    }

    /// Fills a disk while the first node is alone.
    async fn fill_alone(&self, folder: &Path) {
        let node = self.start(0, 1).await;
        let group = self.with_disk(&node, folder).await;
        fill(&group, KEYS).await;
        node.shutdown().await;
    }

    fn without(&self, node: &Node) -> Group {
        let group = node.group("g", 16 << 20, self.source.getter());
        group.promoter(Never).build().unwrap()
    }
}

/// Two nodes, of which the first has a disk that is full of its values.
struct Two {
    nodes: Nodes,
    folder: tempfile::TempDir,
    first: Node,
    group: Group,
    other: Node,
    others_group: Group,
}

impl Two {
    async fn filled(protocol: Protocol, log_bytes: usize) -> Self {
        let mut nodes = Nodes::of(3, protocol).await;
        nodes.log_bytes = log_bytes;
        let folder = tempfile::tempdir().unwrap();
        let other = nodes.start(1, 2).await;
        let others_group = nodes.without(&other);
        let first = nodes.start(0, 2).await;
        let group = nodes.with_disk(&first, folder.path()).await;
        fill(&group, 2 * KEYS).await;
        if protocol == Protocol::Native {
            until(|| group.disk().unwrap().is_restorable).await;
        }
        Self {
            nodes,
            folder,
            first,
            group,
            other,
            others_group,
        }
    }

    /// Ends the first node. Returns how many entries it has on disk.
    async fn end_first(&mut self) -> u64 {
        self.first.shutdown().await;
        let entries = self.group.stats().disk_entries;
        assert!(entries > KEYS / 4, "{}", self.group.stats());
        self.nodes.source.set_version(1);
        // The folder is another one's when both are gone.
        let node = Node::builder("http://127.0.0.1:1").start().await.unwrap();
        self.group = self.nodes.without(&node);
        self.first = node;
        entries
    }

    async fn start_first_again(&mut self) -> DiskReport {
        self.first = self.nodes.start(0, 2).await;
        self.group = self.nodes.with_disk(&self.first, self.folder.path()).await;
        self.group.disk().unwrap()
    }

    /// The keys of the first node whose values are those of before.
    async fn old_keys(&self) -> Vec<String> {
        let mut old = Vec::new();
        for key in (0..2 * KEYS).map(key) {
            if self.first.owner(&key).as_ref() == Some(self.first.member()) {
                let found = self.group.get(&key).await.unwrap();
                if found == value(&key, 0) {
                    old.push(key);
                } else {
                    assert_eq!(found, value(&key, 1));
                }
            }
        }
        old
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_removal_that_a_node_missed_while_it_was_down_is_made_on_disk_before_it_serves() {
    let mut two = Two::filled(Protocol::Native, 1 << 20).await;
    let keys: Vec<_> = (0..2 * KEYS).map(key).collect();
    let is_first = |key: &&String| two.first.owner(key).as_ref() == Some(two.first.member());
    let removed: Vec<_> = keys.iter().filter(is_first).step_by(2).cloned().collect();
    let entries = two.end_first().await;
    for key in &removed {
        // The first node does not answer, or has left.
        _ = two.others_group.remove(key).await;
    }
    let report = two.start_first_again().await;
    assert_eq!(report.dropped, 0);
    assert!(
        report.restored < entries && report.restored > entries / 4,
        "{report:?}"
    );
    let old = two.old_keys().await;
    assert!(old.iter().all(|key| !removed.contains(key)));
    assert!(two.group.stats().disk_hits > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clear_that_a_node_missed_empties_its_disk() {
    let mut two = Two::filled(Protocol::Native, 1 << 20).await;
    let entries = two.end_first().await;
    _ = two.others_group.clear().await;
    let report = two.start_first_again().await;
    assert_eq!(report.restored, 0, "of {entries}");
    assert!(two.old_keys().await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_changes_than_the_others_remember_empty_the_disk() {
    let mut two = Two::filled(Protocol::Native, 1 << 10).await;
    let entries = two.end_first().await;
    for n in 0..1000 {
        _ = two.others_group.remove(format!("other{n}")).await;
    }
    let report = two.start_first_again().await;
    assert_eq!(report.restored, 0, "of {entries}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_that_the_entries_have_been_through_leave_them_on_disk_when_they_are_heard_of_again()
 {
    // With the small logs nobody can name all the changes any more.
    for log_bytes in [1 << 20, 1 << 10] {
        let mut two = Two::filled(Protocol::Native, log_bytes).await;
        for key in (0..2 * KEYS).map(key) {
            two.others_group.remove(key).await.unwrap();
        }
        fill(&two.group, 2 * KEYS).await;
        until(|| two.group.disk().unwrap().is_restorable).await;
        let entries = two.end_first().await;
        let report = two.start_first_again().await;
        assert_eq!((report.restored, report.dropped), (entries, 0));
        // By then the two have told each other all that they know.
        until(|| two.group.disk().unwrap().is_restorable).await;
        assert_eq!(two.group.stats().disk_entries, entries);
        // The values are asked for, so that what is heard of from now on is not heard of again.
        let old = two.old_keys().await.len() as u64;
        assert!(old > entries / 2, "{old} of {entries}");
        let key = two.old_keys().await.remove(0);
        two.others_group.remove(&key).await.unwrap();
        assert_eq!(two.group.get(&key).await.unwrap(), value(&key, 1));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_that_was_started_again_may_have_forgotten_and_the_disk_is_emptied() {
    let mut two = Two::filled(Protocol::Native, 1 << 20).await;
    let entries = two.end_first().await;
    let key = key(0);
    _ = two.others_group.remove(&key).await;
    two.other.shutdown().await;
    two.other = two.nodes.start(1, 2).await;
    two.others_group = two.nodes.without(&two.other);
    let report = two.start_first_again().await;
    assert_eq!((report.restored, report.dropped), (0, entries));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_that_does_not_answer_costs_the_disk_its_entries_within_the_time_limit() {
    let mut two = Two::filled(Protocol::Native, 1 << 20).await;
    let entries = two.end_first().await;
    two.other.shutdown().await;
    let begun = std::time::Instant::now();
    let report = two.start_first_again().await;
    assert_eq!((report.restored, report.dropped), (0, entries));
    assert!(begun.elapsed() < Duration::from_secs(10));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_that_is_none_any_more_may_have_known_of_a_change() {
    let mut two = Two::filled(Protocol::Native, 1 << 20).await;
    let entries = two.end_first().await;
    two.first = two.nodes.start(0, 1).await;
    two.group = two.nodes.with_disk(&two.first, two.folder.path()).await;
    let report = two.group.disk().unwrap();
    assert_eq!((report.restored, report.dropped), (0, entries));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_protocol_without_names_of_changes_proves_nothing() {
    let mut two = Two::filled(Protocol::Mailgun, 1 << 20).await;
    assert!(!two.group.disk().unwrap().is_restorable);
    let entries = two.end_first().await;
    let report = two.start_first_again().await;
    assert_eq!((report.restored, report.dropped), (0, entries));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_of_a_node_that_came_and_went_meanwhile_is_learned_from_who_was_told() {
    let mut two = Two::filled(Protocol::Native, 1 << 20).await;
    let is_first = |key: &String| two.first.owner(key).as_ref() == Some(two.first.member());
    let key = (0..2 * KEYS).map(key).find(is_first).unwrap();
    let entries = two.end_first().await;
    {
        let third = two.nodes.start(2, 3).await;
        two.other.add_peer(&*two.nodes.urls[2]).unwrap();
        let group = two.nodes.without(&third);
        _ = group.remove(&key).await;
        third.shutdown().await;
        two.other.remove_peer(&two.nodes.urls[2]).unwrap();
    }
    let report = two.start_first_again().await;
    assert!(
        report.dropped == 0 && report.restored + 1 >= entries,
        "{report:?}"
    );
    assert_eq!(two.group.get(&key).await.unwrap(), value(&key, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_was_alone_proves_nothing_once_there_are_others() {
    let nodes = Nodes::of(2, Protocol::Native).await;
    let folder = tempfile::tempdir().unwrap();
    nodes.fill_alone(folder.path()).await;
    let _other = nodes.start(1, 2).await;
    let node = nodes.start(0, 2).await;
    let group = nodes.with_disk(&node, folder.path()).await;
    let report = group.disk().unwrap();
    assert!(report.restored == 0 && report.dropped > 0, "{report:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_was_restored_alone_is_emptied_when_there_are_others() {
    let nodes = Nodes::of(2, Protocol::Native).await;
    let folder = tempfile::tempdir().unwrap();
    nodes.fill_alone(folder.path()).await;
    let node = nodes.start(0, 1).await;
    let group = nodes.with_disk(&node, folder.path()).await;
    assert!(group.disk().unwrap().restored > 0);
    group.get(key(0)).await.unwrap();
    // It was there all the time, and this node had not heard of it.
    let _other = nodes.start(1, 2).await;
    node.add_peer(&*nodes.urls[1]).unwrap();
    until(|| (group.stats().disk_entries, group.usage().entries) == (0, 0)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_that_restart_one_after_the_other_keep_their_disks() {
    let nodes = Nodes::of(3, Protocol::Native).await;
    let folders: Vec<_> = (0..3).map(|_| tempfile::tempdir().unwrap()).collect();
    let mut running = Vec::new();
    for (number, folder) in folders.iter().enumerate() {
        let node = nodes.start(number, 3).await;
        let group = nodes.with_disk(&node, folder.path()).await;
        running.push(Some((node, group)));
    }
    for (_, group) in running.iter().flatten() {
        until(|| group.disk().unwrap().is_restorable).await;
    }
    for (_, group) in running.iter().flatten() {
        fill(group, 4 * KEYS).await;
    }
    for (number, folder) in folders.iter().enumerate() {
        for (_, group) in running.iter().flatten() {
            until(|| group.disk().unwrap().is_restorable).await;
        }
        let (node, group) = running[number].take().unwrap();
        node.shutdown().await;
        let entries = group.stats().disk_entries;
        assert!(entries > 0, "{number}: {}", group.stats());
        drop((node, group));
        let node = nodes.start(number, 3).await;
        let group = nodes.with_disk(&node, folder.path()).await;
        let report = group.disk().unwrap();
        // What the others hand over may take the place of some.
        assert!(report.restored > entries / 2, "{number}: {report:?}");
        assert_eq!(report.dropped, 0);
        running[number] = Some((node, group));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_leases_a_node_that_has_left_serves_nothing_from_disk_and_has_it_after_a_restart() {
    let nodes = Nodes::of(2, Protocol::Native).await;
    let folder = tempfile::tempdir().unwrap();
    let with_leases = async |node: &Node| {
        free(folder.path()).await;
        let group = node.group("g", MEMORY, nodes.source.getter());
        let group = group.mirror_lease(Duration::from_secs(5)).promoter(Never);
        let disk = DiskOptions::new(folder.path(), DISK);
        let group = group.disk(disk).build().unwrap();
        opened(&group).await;
        group
    };
    let other = nodes.start(1, 2).await;
    let others_group = other.group("g", 16 << 20, nodes.source.getter());
    let others_group = others_group.mirror_lease(Duration::from_secs(5));
    let _others_group = others_group.promoter(Never).build().unwrap();
    let entries = {
        let node = nodes.start(0, 2).await;
        let group = with_leases(&node).await;
        fill(&group, 2 * KEYS).await;
        until(|| group.disk().unwrap().is_restorable).await;
        node.leave().await;
        let hits = group.stats().disk_hits;
        for n in 0..2 * KEYS {
            group.get(key(n)).await.unwrap();
        }
        assert_eq!(group.stats().disk_hits, hits);
        node.shutdown().await;
        group.stats().disk_entries
    };
    assert!(entries > KEYS / 4, "{entries}");
    let node = nodes.start(0, 2).await;
    let group = with_leases(&node).await;
    let report = group.disk().unwrap();
    assert!(report.restored > entries / 2, "{report:?} of {entries}");
}
