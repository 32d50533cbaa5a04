//! Helpers for several test files.
#![allow(
    dead_code,
    unreachable_pub,
    reason = "every test file uses its own part"
)]

pub mod database;
#[path = "../../../peers/tests/support/log.rs"]
pub mod log;
pub mod pki;
pub mod simulated;
pub mod three;

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use groupcache::testing::Cluster;
use groupcache::{Getter, Group, Key, ManualClock, Never, Node, Protocol, Stats};
use tokio::sync::Semaphore;

pub const MIB: usize = 1 << 20;

/// A node without peers.
pub async fn lonely_node() -> Node {
    Node::builder("http://127.0.0.1:1").start().await.unwrap()
}

/// A node without peers, whose time comes from the clock.
pub async fn lonely_node_at(clock: &ManualClock) -> Node {
    let node = Node::builder("http://127.0.0.1:1").clock(clock.clone());
    node.start().await.unwrap()
}

/// A cluster whose nodes speak this protocol.
pub async fn cluster_of(nodes: usize, protocol: Protocol) -> Cluster {
    let cluster = Cluster::builder(nodes).protocol(protocol);
    cluster.start().await.unwrap()
}

/// A group on each node, without mirrors.
pub fn unmirrored(cluster: &Cluster, getter: impl Getter + Clone) -> Vec<Group> {
    cluster
        .group_with("g", MIB, getter, |group| group.promoter(Never))
        .unwrap()
}

/// Makes getters and counts their calls.
#[derive(Clone, Debug, Default)]
pub struct Calls(Arc<AtomicU64>);

impl Calls {
    pub fn count(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }

    pub fn add_one(&self) -> u64 {
        self.0.fetch_add(1, Ordering::SeqCst) + 1
    }

    /// A getter that answers `value of K` at once.
    pub fn echo(&self) -> impl Getter + Clone {
        let calls = self.clone();
        move |key: Key| {
            calls.add_one();
            async move { Ok::<_, Infallible>(format!("value of {key}")) }
        }
    }

    /// A getter that answers `value of K` once the gate has a permit for it.
    pub fn gated(&self, gate: &Gate) -> impl Getter + Clone {
        let (calls, gate) = (self.clone(), gate.clone());
        move |key: Key| {
            let (calls, gate) = (calls.clone(), gate.clone());
            async move {
                calls.add_one();
                gate.pass().await;
                Ok::<_, Infallible>(format!("value of {key}"))
            }
        }
    }
}

/// Holds getters back until a test lets them through, and tells when one has arrived.
#[derive(Clone, Debug)]
pub struct Gate(Arc<(Semaphore, Semaphore)>);

impl Gate {
    pub fn closed() -> Self {
        Self(Arc::new((Semaphore::new(0), Semaphore::new(0))))
    }

    /// Called by the getter: reports its arrival, and waits.
    pub async fn pass(&self) {
        self.0.0.add_permits(1);
        self.0.1.acquire().await.unwrap().forget();
    }

    /// Waits until one more getter has arrived.
    pub async fn arrival(&self) {
        self.0.0.acquire().await.unwrap().forget();
    }

    /// Waits until so many more getters have arrived.
    pub async fn arrivals(&self, n: u32) {
        self.0.0.acquire_many(n).await.unwrap().forget();
    }

    /// Lets `n` getters through.
    pub fn open(&self, n: usize) {
        self.0.1.add_permits(n);
    }
}

/// Waits, in real time, until other tasks have made a condition true.
pub async fn until(mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(
            start.elapsed() < Duration::from_secs(60),
            "it does not become so"
        );
        tokio::task::yield_now().await;
    }
}

/// Promise 10: every get is exactly one of seven outcomes.
pub fn assert_adds_up(stats: &Stats, gets: u64) {
    assert_eq!(stats.gets, gets, "{stats:?}");
    assert_eq!(
        stats.main_hits
            + stats.hot_hits
            + stats.stale_hits
            + stats.fetched
            + stats.loaded
            + stats.not_found
            + stats.failed,
        gets,
        "{stats:?}"
    );
}

pub fn getter_calls(groups: &[Group]) -> u64 {
    groups.iter().map(|group| group.stats().getter_calls).sum()
}
