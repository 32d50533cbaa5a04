//! What it costs to read a node's metrics. Prometheus does that once in some seconds, so that a scrape of a millisecond
//! each second takes a thousandth of one core.
//!
//! `cargo bench -p groupcache-rs --bench scrape`

#![allow(missing_docs, reason = "a program")]

use std::convert::Infallible;
use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use groupcache::testing::Cluster;
use groupcache::{Group, Key, Node};
use tokio::runtime::Runtime;

fn scrape(c: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime starts");
    let mut scrapes = c.benchmark_group("scrape");

    let cluster = runtime.block_on(busy_cluster());
    let node = cluster.nodes()[0].clone();
    scrapes.bench_function("report, 3 nodes, 3 groups", |b| {
        b.iter(|| black_box(node.report()));
    });
    scrapes.bench_function("text, 3 nodes, 3 groups", |b| {
        b.iter(|| black_box(node.metrics().text()));
    });

    let node = runtime.block_on(node_of_many());
    for peers in [100, 1000] {
        scrapes.bench_function(format!("text, 1,000 peers, {peers} by name"), |b| {
            b.iter(|| black_box(node.metrics().max_peers(peers).text()));
        });
    }
    scrapes.finish();
}

async fn load(key: Key) -> Result<Vec<u8>, Infallible> {
    Ok(key.to_vec())
}

/// Three nodes that have asked each other for much, in each of three groups.
async fn busy_cluster() -> Cluster {
    let cluster = Cluster::start(3).await.expect("the cluster starts");
    for name in ["users", "products", "config"] {
        let groups = cluster.group(name, 1 << 20, load).expect("a group");
        fill(&groups).await;
    }
    cluster
}

async fn fill(groups: &[Group]) {
    for n in 0..20_000 {
        let group = &groups[n % groups.len()];
        let key = format!("key-{}", n * n % 9_973);
        group.get(key).await.expect("no get fails");
    }
}

async fn node_of_many() -> Node {
    let node = Node::builder("http://10.0.0.1:80").start().await;
    let node = node.expect("the node starts");
    let peers = (1..=1000).map(|n| format!("http://10.1.{}.{}:80", n / 250, n % 250));
    node.set_peers(peers).expect("a thousand members");
    for name in ["users", "products", "config"] {
        let group = node.group(name, 1 << 20, load);
        group.build().expect("a group");
    }
    node
}

criterion_group!(benches, scrape);
criterion_main!(benches);
