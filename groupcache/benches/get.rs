//! What a get costs: a hit, a miss that loads, and a hit on another node of the same process; and the same for a
//! hundred keys together.

#![allow(missing_docs, reason = "a program")]

use std::convert::Infallible;
use std::hint::black_box;
use std::time::Duration;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use futures_util::future::join_all;
use groupcache::testing::Cluster;
use groupcache::{Always, Compression, Group, GroupBuilder, Key, Never, Node};
use tokio::runtime::{Builder, Runtime};

const KEYS: usize = 10_000;

fn runtime() -> Runtime {
    Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime")
}

fn keys() -> Vec<String> {
    (0..KEYS).map(|n| format!("some-key-{n:012}")).collect()
}

async fn getter(_: Key) -> Result<Vec<u8>, Infallible> {
    Ok(vec![7; 1024])
}

/// A group of a node without peers, with every key in memory.
async fn warm_group(keys: &[String]) -> Result<Group, groupcache::Error> {
    let node = Node::builder("http://127.0.0.1:1").start().await?;
    let group = node.group("bench", 256 << 20, getter).build()?;
    for key in keys {
        group.get(key).await?;
    }
    Ok(group)
}

fn local(criterion: &mut Criterion) {
    let (runtime, keys) = (runtime(), keys());
    let group = runtime.block_on(warm_group(&keys)).expect("a group");
    let mut turn = keys.iter().cycle();
    criterion.bench_function("hit in memory", |bencher| {
        bencher.iter_batched(
            || turn.next().expect("a cycle has no end"),
            |key| black_box(poll_ready(group.get(key))),
            BatchSize::NumIterations(1000),
        );
    });
    let mut n = 0_u64;
    criterion.bench_function("miss and load at once", |bencher| {
        bencher.iter(|| {
            n += 1;
            runtime
                .block_on(group.get(n.to_le_bytes()))
                .expect("a value")
        });
    });
}

/// About 4 KiB of JSON.
async fn json(key: Key) -> Result<String, Infallible> {
    let line = |n: u32| {
        let price = n.wrapping_mul(2_654_435_761) % 100_000;
        format!(
            r#"{{"id":{n},"product":"{key}","price":{price},"currency":"EUR","in_stock":true}}"#
        )
    };
    Ok((0..50).map(line).collect())
}

/// What a hit costs whose value is kept compressed, beside one whose value is kept as it is.
fn compressed(criterion: &mut Criterion) {
    let runtime = runtime();
    for (name, compression) in [
        ("hit of 4 KiB of JSON", None),
        ("hit of 4 KiB of JSON, compressed", Some(Compression::lz4())),
    ] {
        let group = runtime.block_on(async {
            let node = Node::builder("http://127.0.0.1:1").start().await?;
            let group = node.group("bench", 256 << 20, json);
            let group = match compression {
                Some(compression) => group.compression(compression),
                None => group,
            };
            let group = group.build()?;
            group.get("product-1").await?;
            println!("{name}: {} bytes of the budget", group.usage().bytes);
            Ok::<_, groupcache::Error>(group)
        });
        let group = group.expect("a group");
        criterion.bench_function(name, |bencher| {
            bencher.iter(|| black_box(poll_ready(group.get("product-1"))));
        });
    }
}

/// A hit is ready at the first poll: what is measured is the get and not a runtime.
fn poll_ready<F: Future>(future: F) -> F::Output {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match std::pin::pin!(future).poll(&mut context) {
        std::task::Poll::Ready(output) => output,
        std::task::Poll::Pending => unreachable!("a hit does not wait"),
    }
}

fn remote(criterion: &mut Criterion) {
    let runtime = runtime();
    let (group, keys) = runtime.block_on(async {
        let cluster = Cluster::start(2).await.expect("a cluster");
        let groups = cluster
            .group_with("bench", 256 << 20, getter, |group| group.promoter(Never))
            .expect("a group");
        let keys: Vec<_> = (0..100)
            .map(|n| cluster.key_owned_by(1, &format!("key-{n}-")))
            .collect();
        for key in &keys {
            groups[0].get(key).await.expect("a value");
        }
        std::mem::forget(cluster);
        (groups[0].clone(), keys)
    });
    let mut turn = keys.iter().cycle();
    criterion.bench_function("hit on another node", |bencher| {
        bencher.iter(|| {
            let key = turn.next().expect("a cycle has no end");
            runtime.block_on(group.get(key)).expect("a value")
        });
    });
}

/// Copies of another node's values, without leases and with them. A removal that reaches all costs the same with leases.
fn mirrors(criterion: &mut Criterion) {
    let runtime = runtime();
    let cluster = runtime.block_on(Cluster::start(3)).expect("a cluster");
    let key = cluster.key_owned_by(1, "key-");
    for (name, lease) in [
        ("without leases", None),
        ("with leases", Some(Duration::from_secs(3600))),
    ] {
        let configure = |group: GroupBuilder| match lease {
            None => group.promoter(Always),
            Some(lease) => group.promoter(Always).mirror_lease(lease),
        };
        let groups = cluster.group_with(name, 1 << 20, getter, configure);
        let group = groups.expect("a group").swap_remove(0);
        runtime.block_on(group.get(&key)).expect("a value");
        criterion.bench_function(&format!("hit of a mirror, {name}"), |bencher| {
            bencher.iter(|| black_box(poll_ready(group.get(&key))));
        });
        criterion.bench_function(&format!("removal on three nodes, {name}"), |bencher| {
            bencher.iter(|| runtime.block_on(group.remove(&key)).expect("three nodes"));
        });
    }
}

/// A hundred keys of 100 bytes each: in memory, on another node, and missing.
fn many(criterion: &mut Criterion) {
    let runtime = runtime();
    let small = |_: Key| async { Ok::<_, Infallible>(vec![7; 100]) };
    let (groups, keys) = runtime.block_on(async {
        let cluster = Cluster::start(2).await.expect("a cluster");
        let groups = cluster
            .group_with("small", 256 << 20, small, |group| group.promoter(Never))
            .expect("a group");
        let keys: Vec<_> = (0..100)
            .map(|n| cluster.key_owned_by(1, &format!("key-{n}-")))
            .collect();
        for outcome in groups[0].get_many(&keys).await {
            outcome.expect("a value");
        }
        std::mem::forget(cluster);
        (groups, keys)
    });
    criterion.bench_function("100 hits in memory", |bencher| {
        bencher.iter(|| black_box(poll_ready(groups[1].get_many(&keys))));
    });
    criterion.bench_function("100 hits on another node, together", |bencher| {
        bencher.iter(|| black_box(runtime.block_on(groups[0].get_many(&keys))));
    });
    criterion.bench_function("100 hits on another node, each by itself", |bencher| {
        let gets = || join_all(keys.iter().map(|key| groups[0].get(key)));
        bencher.iter(|| black_box(runtime.block_on(gets())));
    });
    let node = runtime.block_on(Node::builder("http://127.0.0.1:1").start());
    let group = node.expect("a node").group("misses", 256 << 20, small);
    let group = group.build().expect("a group");
    let mut n = 0_u64;
    criterion.bench_function("100 misses loaded at once, together", |bencher| {
        bencher.iter(|| {
            n += 100;
            let keys = (n..n + 100).map(u64::to_le_bytes);
            runtime.block_on(group.get_many(keys))
        });
    });
}

criterion_group! {
    name = benches;
    config = Criterion::default().measurement_time(Duration::from_secs(3));
    targets = local, compressed, remote, mirrors, many
}
criterion_main!(benches);
