//! What a group takes from the operating system, whatever its values are like and whoever holds them.

use std::convert::Infallible;

use groupcache::{ByteView, Group, Key, Node};

const MIB: usize = 1 << 20;
const BUDGET: usize = 8 * MIB;

/// A group whose keys end with the sizes of their values.
async fn group() -> Group {
    let node = Node::builder("http://127.0.0.1:1").start().await.unwrap();
    let getter = |key: Key| async move {
        let size = key.rsplit(|&byte| byte == b'/').next().unwrap_or_default();
        let size = std::str::from_utf8(size).unwrap().parse().unwrap();
        Ok::<_, Infallible>(vec![7; size])
    };
    node.group("memory", BUDGET, getter).build().unwrap()
}

async fn load(group: &Group, set: usize, n: usize, size: usize) -> ByteView {
    let value = group.get(format!("{set}/{n}/{size}")).await.unwrap();
    assert!(value.len() == size && value[size - 1] == 7);
    value
}

/// The budget, and what may come on top of it.
const LIMIT: usize = BUDGET + BUDGET / 16 + MIB;

#[tokio::test]
async fn memory_stays_within_the_budget_while_sizes_shift() {
    let group = group().await;
    let sizes = [100, 1000, 30_000, 300, 50_000, 150, 5000, 400_000, 200];
    for (set, size) in sizes.into_iter().enumerate() {
        for n in 0..2 * BUDGET / (size + 200) {
            load(&group, set, n, size).await;
            if n.is_multiple_of(8) {
                let usage = group.usage();
                assert!(usage.bytes <= BUDGET);
                assert!(usage.reserved <= LIMIT + usage.pinned, "{size}: {usage:?}");
            }
        }
        // What was asked for last is there, and most of the budget is in use.
        let usage = group.usage();
        assert!(usage.bytes > BUDGET / 2, "{size}: {usage:?}");
    }
}

#[tokio::test]
async fn views_are_pinned_on_top_of_the_budget_and_displace_nothing() {
    let group = group().await;
    let (size, count) = (1000, BUDGET / 1200);
    let mut views = Vec::new();
    for set in 0..5 {
        for n in 0..count {
            load(&group, set, n, size).await;
            // The load has a copy of its own; a hit shares the store's.
            views.push(load(&group, set, n, size).await);
        }
        assert!(group.usage().bytes > BUDGET / 4 * 3, "{:?}", group.usage());
        group.clear().await.unwrap();
        let usage = group.usage();
        assert!(usage.pinned >= views.len() * size, "{usage:?}");
        assert!(usage.reserved <= LIMIT + usage.pinned, "{usage:?}");
    }
    assert!(group.usage().pinned > 4 * BUDGET);
    assert!(views.iter().all(|view| view.len() == size));
    drop(views);
    let usage = group.usage();
    assert!(usage.pinned == 0 && usage.reserved < MIB, "{usage:?}");
}

#[tokio::test]
async fn a_smaller_budget_gives_memory_back_at_once() {
    let group = group().await;
    for n in 0..20_000 {
        load(&group, 0, n, [100, 700, 3000][n % 3]).await;
    }
    group.set_budget(BUDGET / 8);
    let usage = group.usage();
    // The tables of a shard that has been full keep some pages. There are no more shards than MiB of the first budget.
    let limit = BUDGET / 8 * 17 / 16 + MIB + (BUDGET / MIB) * (64 << 10);
    assert!(usage.reserved <= limit, "{usage:?}");
    assert!(usage.bytes > BUDGET / 16, "{usage:?}");
    // What is asked for later is kept: some of it at once, and all of it once it has come back.
    let mut calls = [0; 3];
    for calls in &mut calls {
        let before = group.stats().getter_calls;
        for n in 0..100 {
            load(&group, 1, n, 700).await;
        }
        *calls = group.stats().getter_calls - before;
    }
    let [first, second, third] = calls;
    assert!(
        first == 100 && second < 75 && third == 0,
        "{calls:?}: {:?}",
        group.usage()
    );
    group.clear().await.unwrap();
    let usage = group.usage();
    assert!(usage.bytes == 0 && usage.reserved < MIB, "{usage:?}");
}
