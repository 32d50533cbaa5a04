//! Leases: copies of other nodes' values that run out, and changes that wait for it.

mod common;

use std::convert::Infallible;
use std::time::Duration;

use common::simulated::{HOSTS, keys_of, nodes_with, urls};
use common::{Calls, MIB};
use groupcache::testing::Network;
use groupcache::{Always, Clock, Group, Key, Node, Source};
use tokio::time::{Instant, sleep};

/// The time of the simulated network, for values too.
#[derive(Debug)]
struct Paused;

impl Clock for Paused {
    fn now(&self) -> std::time::Instant {
        Instant::now().into_std()
    }
}

const LEASE: Duration = Duration::from_secs(3);

/// Three nodes that mirror whatever they fetch, for the time of a lease, and a key of the second one, for which the first
/// one stands in.
async fn three() -> (Network, Vec<Node>, Vec<Group>, String) {
    let network = Network::new();
    let nodes = nodes_with(&network, &[0, 1, 2], |node| node.clock(Paused)).await;
    let calls = Calls::default();
    let build = |node: &Node| {
        let calls = calls.clone();
        let getter = move |_: Key| {
            let call = calls.add_one();
            async move { Ok::<_, Infallible>(format!("load {call}")) }
        };
        let group = node.group("g", MIB, getter).promoter(Always);
        group.failovers(1).mirror_lease(LEASE).build().unwrap()
    };
    let groups = nodes.iter().map(build).collect();
    let stands_in = |key: &String| nodes[0].owners(key)[1].url() == urls()[0];
    let key = keys_of(&nodes[0], 1, 100)
        .into_iter()
        .find(stands_in)
        .unwrap();
    sleep(Duration::from_secs(1)).await;
    (network, nodes, groups, key)
}

fn cut_off(network: &Network, place: usize) {
    for host in HOSTS.iter().filter(|host| **host != HOSTS[place]) {
        network.partition(HOSTS[place], host);
    }
}

#[tokio::test(start_paused = true)]
async fn a_copy_is_served_for_its_lease_and_then_fetched_again() {
    let (_network, _nodes, groups, key) = three().await;
    let source = async || groups[2].entry(&key).await.unwrap().source();
    assert_eq!(source().await, Source::Peer);
    sleep(LEASE - Duration::from_millis(100)).await;
    assert_eq!(source().await, Source::Hot);
    sleep(Duration::from_millis(100)).await;
    assert_eq!(source().await, Source::Peer);
    let own = groups[1].entry(&key).await.unwrap();
    assert_eq!(
        (own.source(), own.value()),
        (Source::Main, &"load 1".into())
    );
}

#[tokio::test(start_paused = true)]
async fn a_removal_waits_for_the_lease_of_a_node_that_is_cut_off() {
    let (network, _nodes, groups, key) = three().await;
    assert_eq!(groups[2].get(&key).await.unwrap(), "load 1");
    cut_off(&network, 2);
    let begun = Instant::now();
    groups[0].remove(&key).await.unwrap();
    assert!(begun.elapsed() >= LEASE);
    assert_eq!(
        groups[2].get(&key).await.unwrap(),
        "load 2",
        "it loads the value itself"
    );

    // So does a set. What the node has loaded itself meanwhile is a copy too.
    groups[0].set(&key, "set").await.unwrap();
    assert_eq!(groups[1].get(&key).await.unwrap(), "set");
}

#[tokio::test(start_paused = true)]
async fn a_removal_that_does_not_reach_an_owner_or_has_reached_all_waits_for_nothing() {
    let (network, nodes, groups, key) = three().await;
    let begun = Instant::now();
    groups[0].remove(&key).await.unwrap();
    assert!(begun.elapsed() < LEASE / 3);
    cut_off(&network, 1);
    let error = groups[0].remove(&key).await.unwrap_err();
    assert_eq!(error.failed_peers()[0].member(), nodes[1].member());
    assert!(begun.elapsed() < LEASE);
}
