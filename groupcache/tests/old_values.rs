//! A node that has heard of a change never gets an older value from one that has not.

mod common;

use std::time::Duration;

use common::simulated::{HOSTS, keys_of, nodes_with, urls};
use common::three::{Three, numbering, on_occasion};
use common::{Calls, MIB};
use groupcache::testing::Network;
use groupcache::{Group, Never, Node};
use tokio::time::sleep;

const MINUTE: Duration = Duration::from_secs(60);

/// A group without mirrors.
fn unmirrored(node: &Node, calls: &Calls) -> Group {
    let group = node.group("g", MIB, numbering(calls));
    group.promoter(Never).build().unwrap()
}

#[tokio::test(start_paused = true)]
async fn an_owner_that_is_untold_answers_as_if_it_were_told() {
    let three = Three::new().await;
    let keys = three.keys_of(1, 3);
    for key in &keys {
        three.get(1, key).await;
    }
    three.cut(0, 1);
    let mut removals = Vec::new();
    for key in &keys[..2] {
        removals.push(three.begin_to_remove(0, key).await);
    }
    assert_eq!(three.holds(1), 3, "it is untold");
    assert_eq!(three.get(2, &keys[0]).await, "load 4");
    let several = three.groups[2].get_many(&keys).await;
    let several: Vec<_> = several.into_iter().map(Result::unwrap).collect();
    assert_eq!(several, ["load 4", "load 5", "load 3"]);

    // That it is told afterwards costs nothing.
    three.network.heal();
    for removal in removals {
        removal.await.unwrap().unwrap();
    }
    sleep(MINUTE).await;
    assert_eq!(three.get_by_each(&keys[0]).await, ["load 4"; 3]);
    assert_eq!(three.get_by_each(&keys[1]).await, ["load 5"; 3]);
    assert_eq!(three.calls.count(), 5);
}

#[tokio::test(start_paused = true)]
async fn an_owner_that_a_clear_has_yet_to_reach_answers_as_if_it_were_told() {
    let three = Three::new().await;
    let keys = three.keys_of(1, 2);
    for key in &keys {
        three.get(1, key).await;
    }
    three.cut(0, 1);
    let clear = tokio::spawn({
        let group = three.groups[0].clone();
        async move { group.clear().await }
    });
    sleep(Duration::from_millis(10)).await;
    assert_eq!(three.holds(1), 2, "it is untold");
    assert_eq!(three.get(2, &keys[0]).await, "load 3");
    assert_eq!(three.holds(1), 1);
    three.network.heal();
    clear.await.unwrap().unwrap();
    sleep(MINUTE).await;
    assert_eq!(three.get_by_each(&keys[0]).await, ["load 3"; 3]);
    assert_eq!(three.get_by_each(&keys[1]).await, ["load 4"; 3]);
}

#[tokio::test(start_paused = true)]
async fn a_stand_in_that_is_untold_answers_as_if_it_were_told() {
    let three = Three::new().await;
    let key = &three.key_with_owners(0, 2);
    three.cut_off(0);
    assert_eq!(three.get(1, key).await, "load 1", "from the stand-in");
    assert_eq!(three.holds(2), 1);
    three.network.heal();
    sleep(MINUTE).await;

    three.cut(0, 2);
    let removal = three.begin_to_remove(0, key).await;
    assert_eq!((three.holds(1), three.holds(2)), (0, 1));
    three.cut_off(0);
    assert_eq!(three.get(1, key).await, "load 2");
    assert_eq!(three.get(2, key).await, "load 2");
    removal.await.unwrap().unwrap_err();
}

#[tokio::test(start_paused = true)]
async fn what_a_former_owner_missed_is_not_taken_over_when_it_leaves() {
    // It leaves while the removal is under way, or after it was given up.
    for after in [Duration::ZERO, Duration::from_secs(3)] {
        let (network, calls) = (Network::new(), Calls::default());
        let nodes = nodes_with(&network, &[0, 1, 2], |node| node.coherence(on_occasion())).await;
        let groups: Vec<_> = nodes.iter().map(|node| unmirrored(node, &calls)).collect();
        sleep(Duration::from_secs(1)).await;
        let heir = |key: &String| nodes[0].owners(key)[1].url() == urls()[2];
        let key = keys_of(&nodes[0], 1, 100).into_iter().find(heir).unwrap();
        assert_eq!(groups[1].get(&key).await.unwrap(), "load 1");
        network.partition(HOSTS[0], HOSTS[1]);
        let removal = tokio::spawn({
            let (group, key) = (groups[0].clone(), key.clone());
            async move { group.remove(key).await }
        });
        sleep(Duration::from_millis(10) + after).await;
        for place in [0, 2] {
            assert!(nodes[place].remove_peer(&urls()[1]).unwrap());
        }
        assert_eq!(groups[2].get(&key).await.unwrap(), "load 2", "{after:?}");
        let error = removal.await.unwrap().unwrap_err();
        assert_eq!(error.failed_peers().len(), 1);
        sleep(60 * MINUTE).await;
        for place in [0, 2] {
            assert_eq!(groups[place].get(&key).await.unwrap(), "load 2");
        }
    }
}

/// Two nodes, of which the second has a key that the third will own, and the groups of the two.
async fn before_the_third_joins(
    network: &Network,
    calls: &Calls,
) -> (Vec<Node>, Vec<Group>, String) {
    let old = nodes_with(network, &[0, 1], |node| node.coherence(on_occasion())).await;
    let former = |key: &String| old[0].owners(key)[1].url() == urls()[1];
    let key = keys_of(&old[0], 2, 100).into_iter().find(former).unwrap();
    for node in &old {
        assert!(node.remove_peer(&urls()[2]).unwrap());
    }
    let groups: Vec<_> = old.iter().map(|node| unmirrored(node, calls)).collect();
    sleep(Duration::from_secs(1)).await;
    assert_eq!(groups[1].get(&key).await.unwrap(), "load 1");
    (old, groups, key)
}

/// The third node joins, and is a member of the others from now on.
async fn join(network: &Network, calls: &Calls, old: &[Node]) -> (Node, Group) {
    let late = nodes_with(network, &[2], |node| node.coherence(on_occasion())).await;
    let group = unmirrored(&late[0], calls);
    for node in old {
        node.add_peer(&*urls()[2]).unwrap();
    }
    (late.into_iter().next().unwrap(), group)
}

#[tokio::test(start_paused = true)]
async fn a_node_that_takes_an_old_value_over_when_it_joins_does_not_keep_it() {
    // It is reached from the node that made the change at once, or only later.
    for is_reached in [true, false] {
        let (network, calls) = (Network::new(), Calls::default());
        let (old, groups, key) = before_the_third_joins(&network, &calls).await;
        network.partition(HOSTS[0], HOSTS[1]);
        groups[0].remove(&key).await.unwrap_err();
        if !is_reached {
            network.partition(HOSTS[0], HOSTS[2]);
        }
        let (_late, group) = join(&network, &calls, &old).await;
        group.get(&key).await.unwrap(); // perhaps from node 1, which has not heard of the removal
        network.heal();
        sleep(60 * MINUTE).await;
        let ring = old[0].report().ring;
        assert!(ring.peers.iter().all(|peer| !peer.is_behind));
        for group in groups.iter().chain([&group]) {
            assert_eq!(group.get(&key).await.unwrap(), "load 2", "{is_reached}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_node_that_joins_while_a_removal_is_under_way_does_not_keep_the_old_value() {
    for is_reached in [true, false] {
        let (network, calls) = (Network::new(), Calls::default());
        let (old, groups, key) = before_the_third_joins(&network, &calls).await;
        network.partition(HOSTS[0], HOSTS[1]);
        let removal = tokio::spawn({
            let (group, key) = (groups[0].clone(), key.clone());
            async move { group.remove(key).await }
        });
        sleep(Duration::from_millis(10)).await;
        if !is_reached {
            network.partition(HOSTS[0], HOSTS[2]);
        }
        let (_late, group) = join(&network, &calls, &old).await;
        let early = group.get(&key).await.unwrap();
        if !is_reached {
            assert_eq!(early, "load 1", "nobody could tell it");
        }
        network.heal();
        removal.await.unwrap().unwrap();
        sleep(60 * MINUTE).await;
        for group in groups.iter().chain([&group]) {
            assert_eq!(group.get(&key).await.unwrap(), "load 2", "{is_reached}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_node_that_starts_again_learns_at_once_what_it_had_been_told() {
    let mut three = Three::new().await;
    let key = &three.keys_of(1, 1)[0];
    three.get(1, key).await;
    three.cut(0, 1);
    let removal = three.begin_to_remove(0, key).await;
    drop((three.nodes.pop(), three.groups.pop()));
    three.network.kill(HOSTS[2]);
    let again = nodes_with(&three.network, &[2], |node| node.coherence(on_occasion())).await;
    let group = unmirrored(&again[0], &three.calls);
    sleep(Duration::from_millis(10)).await;
    assert_eq!(group.get(key).await.unwrap(), "load 2");
    three.network.heal();
    removal.await.unwrap().unwrap();
}
