//! Quick requests do not queue behind slow ones.

mod common;

use std::convert::Infallible;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use common::MIB;
use common::simulated::{keys_of, nodes};
use groupcache::testing::{Cluster, Network};
use groupcache::{GetterError, Group, Key, Never, Node};
use tokio::time::{Instant, sleep};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn changes_and_hits_do_not_wait_for_slow_loads() {
    let network = Network::new();
    let nodes = nodes(&network, &[0, 1, 2]).await;
    let keys = keys_of(&nodes[0], 1, 258);
    let (slow, fast) = keys.split_at(256);
    let build = |node: &Node| -> Group {
        let fast = fast.to_vec();
        let getter = move |key: Key| {
            let is_fast = fast.iter().any(|fast| *key == *fast.as_bytes());
            async move {
                if !is_fast {
                    sleep(20 * SECOND).await;
                }
                Ok::<_, Infallible>("value")
            }
        };
        let group = node.group("g", MIB, getter).promoter(Never);
        group.build().unwrap()
    };
    let groups: Vec<_> = nodes.iter().map(build).collect();
    for key in fast {
        groups[1].get(key).await.unwrap(); // in the owner's memory
    }
    for key in slow {
        let (group, key) = (groups[0].clone(), key.clone());
        tokio::spawn(async move {
            _ = group.get(&key).await;
            _ = group.remove(&key).await;
            _ = group.get(&key).await;
        });
    }
    sleep(SECOND / 10).await;
    for _ in 0..2 {
        let start = Instant::now();
        groups[0].get(&fast[0]).await.unwrap();
        groups[0].set(&fast[0], "other").await.unwrap();
        groups[0].remove(&fast[1]).await.unwrap();
        groups[0].clear().await.unwrap();
        groups[1].set(&fast[0], "value").await.unwrap();
        groups[1].set(&fast[1], "value").await.unwrap();
        assert!(start.elapsed() < SECOND, "{:?}", start.elapsed());
        sleep(20 * SECOND).await; // the removals and the loads that follow them
    }
}

/// Each value needs a value of the other node, four levels deep. There are more gets at once than
/// connections, and an exchange that waits for a getter holds its connection.
#[tokio::test]
async fn getters_that_ask_the_other_node_do_not_wait_for_each_other() {
    let cluster = Cluster::start(2).await.unwrap();
    let slots: Arc<[OnceLock<Group>; 2]> = Arc::default();
    let mut groups = Vec::new();
    for (node, slot) in slots.iter().enumerate() {
        let slots = Arc::clone(&slots);
        let getter = move |key: Key| {
            let slots = Arc::clone(&slots);
            async move {
                let group = slots[node].get().expect("the group");
                let key = key.to_str()?.to_owned();
                sleep(SECOND / 50).await;
                match key.split_once('>') {
                    Some((_, rest)) => Ok(format!("<{}>", group.get(rest).await?.to_str()?)),
                    None => Ok::<_, GetterError>(key),
                }
            }
        };
        let group = cluster.node(node).group("g", 64 * MIB, getter);
        let group = group.promoter(Never).build().unwrap();
        assert!(slot.set(group.clone()).is_ok());
        groups.push(group);
    }
    let mut gets = Vec::new();
    for n in 0..1200 {
        let mut key = format!("leaf{n}");
        let leaf = cluster.owner(&key);
        for depth in 1..4 {
            let wanted = (leaf + depth) % 2;
            let longer = (0..).map(|salt| format!("{n}-{salt}>{key}"));
            key = { longer }.find(|key| cluster.owner(key) == wanted).unwrap();
        }
        // Asked for on the node that does not own it.
        let group = groups[leaf % 2].clone();
        gets.push(tokio::spawn(async move { group.get(key).await }));
    }
    for (n, get) in gets.into_iter().enumerate() {
        let value = get.await.unwrap().unwrap();
        assert_eq!(value, format!("<<<leaf{n}>>>"));
    }
}
