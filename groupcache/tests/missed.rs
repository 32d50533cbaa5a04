//! Removals and sets that did not reach every node. A node learns later of a change that it missed,
//! from the key's owner or from the node that failed to tell it.

mod common;

use std::convert::Infallible;
use std::time::Duration;

use common::simulated::{HOSTS, keys_of, nodes};
use common::{Calls, Gate, MIB, getter_calls, until};
use groupcache::testing::Network;
use groupcache::{Always, Group, GroupBuilder, Key, Never, Node, Source};

const MINUTE: Duration = Duration::from_secs(60);

/// Three nodes that mirror whatever they fetch, and whose getter numbers its calls.
struct Three {
    network: Network,
    nodes: Vec<Node>,
    groups: Vec<Group>,
    calls: Calls,
}

impl Three {
    async fn new(configure: impl Fn(GroupBuilder) -> GroupBuilder) -> Self {
        let (network, calls) = (Network::new(), Calls::default());
        let nodes = nodes(&network, &[0, 1, 2]).await;
        let counted = calls.clone();
        let getter = move |_: Key| {
            let call = counted.add_one();
            async move { Ok::<_, Infallible>(format!("load {call}")) }
        };
        let build = |node: &Node| {
            let group = node.group("g", MIB, getter.clone());
            configure(group.promoter(Always)).build().unwrap()
        };
        let groups = nodes.iter().map(build).collect();
        Self {
            network,
            nodes,
            groups,
            calls,
        }
    }

    /// Nodes learn of missed changes from replies only: anti-entropy rounds and hints are off.
    async fn with_replies_only() -> Self {
        Self::new(|group| {
            group
                .anti_entropy_interval(Duration::ZERO)
                .hint_window(Duration::ZERO)
        })
        .await
    }

    fn keys_of(&self, place: usize, count: usize) -> Vec<String> {
        keys_of(&self.nodes[0], place, count)
    }

    async fn get(&self, by: usize, key: &str) -> String {
        let value = self.groups[by].get(key).await.unwrap();
        value.to_str().unwrap().to_owned()
    }

    fn cut(&self, one: usize, other: usize) {
        self.network.partition(HOSTS[one], HOSTS[other]);
    }

    /// Ends all partitions, and waits until the first node has delivered its pending hints.
    async fn heal_and_tell(&self) {
        self.network.heal();
        tokio::time::sleep(MINUTE).await;
        assert_eq!(self.groups[0].stats().pending_hints, 0);
    }

    /// Checks that the change failed to reach exactly one peer.
    fn assert_failed(&self, result: Result<(), groupcache::Error>, place: usize) {
        let error = result.unwrap_err();
        let failed = error.failed_peers();
        let failed: Vec<_> = failed.iter().map(groupcache::FailedPeer::member).collect();
        assert_eq!(failed, [self.nodes[place].member()]);
    }

    fn holds(&self, place: usize) -> u64 {
        self.groups[place].stats().entries
    }
}

#[tokio::test(start_paused = true)]
async fn a_missed_removal_is_learned_with_the_next_value_from_the_owner() {
    let three = Three::with_replies_only().await;
    let keys = three.keys_of(2, 2);
    assert_eq!(three.get(1, &keys[0]).await, "load 1");
    three.cut(0, 1);
    three.assert_failed(three.groups[0].remove(&keys[0]).await, 1);
    assert_eq!(three.get(1, &keys[0]).await, "load 1", "it cannot know");

    three.get(1, &keys[1]).await;
    until(|| three.holds(1) == 1).await;
    assert_eq!(three.get(1, &keys[0]).await, "load 3");
}

#[tokio::test(start_paused = true)]
async fn a_missed_set_is_learned_with_the_next_value_from_the_owner() {
    let three = Three::with_replies_only().await;
    let keys = three.keys_of(2, 2);
    three.get(1, &keys[0]).await;
    three.cut(0, 1);
    three.assert_failed(three.groups[0].set(&keys[0], "new").await, 1);

    three.get(1, &keys[1]).await;
    until(|| three.holds(1) == 1).await;
    assert_eq!(three.get(1, &keys[0]).await, "new");
    assert_eq!(three.calls.count(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_missed_removal_is_learned_in_the_next_round_by_who_asks_for_nothing() {
    let three = Three::new(|group| group.hint_window(Duration::ZERO)).await;
    let key = &three.keys_of(2, 1)[0];
    three.get(1, key).await;
    three.cut(0, 1);
    three.assert_failed(three.groups[0].remove(key).await, 1);
    tokio::time::sleep(Duration::from_secs(21)).await;
    assert_eq!(three.holds(1), 0);
    assert_eq!(three.get(1, key).await, "load 2");
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_has_missed_more_than_the_log_holds_forgets_all_mirrors_and_nothing_of_its_own()
{
    let three = Three::new(|group| group.hint_window(Duration::ZERO).change_log_bytes(0)).await;
    let (owners, others, own) = (
        three.keys_of(2, 20),
        three.keys_of(0, 20),
        three.keys_of(1, 20),
    );
    for key in [&*owners, &*others, &*own].concat() {
        three.get(1, &key).await;
    }
    assert_eq!(three.holds(1), 60);
    three.cut(0, 1);
    three.assert_failed(three.groups[0].remove(&owners[0]).await, 1);
    three.network.heal();
    tokio::time::sleep(MINUTE).await;
    // The sweep runs on its own thread.
    until(|| three.holds(1) <= 20).await;
    for key in &own {
        let entry = three.groups[1].entry(key).await.unwrap();
        assert_eq!(entry.source(), Source::Main);
    }
    for key in &others {
        let entry = three.groups[1].entry(key).await.unwrap();
        assert_eq!(entry.source(), Source::Peer);
    }
    for (n, key) in owners.iter().enumerate() {
        let expected = if n == 0 { 61 } else { n + 1 };
        assert_eq!(three.get(1, key).await, format!("load {expected}"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_sweep_of_a_peers_keys_keeps_what_is_fetched_from_it_out_and_lets_own_loads_in() {
    let three = Three::new(|group| group.hint_window(Duration::ZERO).change_log_bytes(0)).await;
    let (others, own) = (three.keys_of(2, 2), &three.keys_of(1, 1)[0]);
    let (calls, gate) = (Calls::default(), Gate::closed());
    let gated: Vec<_> = three
        .nodes
        .iter()
        .map(|node| node.group("gated", MIB, calls.gated(&gate)))
        .map(|group| {
            let group = group.promoter(Always).change_log_bytes(0);
            group.hint_window(Duration::ZERO).build().unwrap()
        })
        .collect();
    let get = |key: &str| {
        let (group, key) = (gated[1].clone(), key.to_owned());
        tokio::spawn(async move { group.get(key).await })
    };
    let mirrored = get(&others[0]);
    gate.arrival().await;
    gate.open(1);
    mirrored.await.unwrap().unwrap();
    let under_way = [get(&others[1]), get(own)];
    gate.arrival().await;
    gate.arrival().await;

    three.cut(0, 1);
    three.assert_failed(gated[0].remove(&others[0]).await, 1);
    tokio::time::sleep(MINUTE / 3).await;
    until(|| gated[1].stats().entries == 0).await;
    gate.open(2);
    for get in under_way {
        get.await.unwrap().unwrap();
    }
    let source = async |key| gated[1].entry(key).await.unwrap().source();
    assert_eq!(source(own).await, Source::Main);
    assert_eq!(source(&others[1]).await, Source::Peer);
    assert_eq!(calls.count(), 3);
}

#[tokio::test(start_paused = true)]
async fn who_could_not_be_told_is_told_again_whoever_owns_the_key() {
    for owner in [1, 2] {
        let three = Three::new(|group| group.anti_entropy_interval(Duration::ZERO)).await;
        let keys = three.keys_of(owner, 2);
        for key in &keys {
            three.get(1, key).await;
        }
        three.cut(0, 1);
        three.assert_failed(three.groups[0].remove(&keys[0]).await, 1);
        three.assert_failed(three.groups[0].set(&keys[1], "new").await, 1);
        assert_eq!(three.groups[0].stats().pending_hints, 2, "owner {owner}");
        assert_eq!(three.get(1, &keys[0]).await, "load 1", "it cannot know");

        tokio::time::sleep(MINUTE).await;
        assert_eq!(three.groups[0].stats().pending_hints, 2, "it is still away");
        three.heal_and_tell().await;
        assert_eq!(three.get(1, &keys[0]).await, "load 3");
        // If the set did not reach the owner, no node has kept the value.
        let second = three.get(1, &keys[1]).await;
        assert_eq!(second, if owner == 1 { "load 4" } else { "new" });
    }
}

#[tokio::test(start_paused = true)]
async fn a_set_that_is_tried_again_is_not_undone() {
    let three = Three::new(|group| group.anti_entropy_interval(Duration::ZERO)).await;
    let key = &three.keys_of(1, 1)[0];
    three.cut(0, 1);
    three.assert_failed(three.groups[0].set(key, "new").await, 1);
    three.network.heal();
    // Until the peer's circuit lets requests through again, the set fails.
    while three.groups[0].set(key, "newer").await.is_err() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(three.groups[0].stats().pending_hints, 0);
    tokio::time::sleep(MINUTE).await;
    assert_eq!(three.get(1, key).await, "newer");
}

#[tokio::test(start_paused = true)]
async fn a_new_node_is_told_of_old_removals_and_still_takes_values_over() {
    let (network, calls) = (Network::new(), Calls::default());
    let build = |node: &Node| {
        let group = node.group("g", MIB, calls.echo()).promoter(Never);
        group.build().unwrap()
    };
    let old = nodes(&network, &[0, 2]).await;
    let keys = keys_of(&old[0], 1, 50);
    let new = format!("http://{}", HOSTS[1]);
    for node in &old {
        assert!(node.remove_peer(&new).unwrap());
    }
    let groups: Vec<_> = old.iter().map(build).collect();
    let gone = (0..5000).map(|n| format!("gone-{n}"));
    groups[0].remove_many(gone).await.unwrap();
    for key in &keys {
        groups[0].get(key).await.unwrap();
    }
    assert_eq!(calls.count(), 50);

    let late = nodes(&network, &[1]).await.remove(0);
    let group = build(&late);
    for node in &old {
        node.add_peer(&*new).unwrap();
    }
    for place in [0, 2] {
        let known = &keys_of(&late, place, 1)[0];
        group.get(known).await.unwrap();
    }
    tokio::time::sleep(Duration::from_secs(21)).await;
    for key in &keys {
        group.get(key).await.unwrap();
    }
    assert_eq!(calls.count(), 52);
}

#[tokio::test(start_paused = true)]
async fn a_clear_that_did_not_reach_a_peer_reaches_it_later() {
    let three = Three::new(|group| group.anti_entropy_interval(Duration::ZERO)).await;
    let key = &three.keys_of(1, 1)[0];
    three.get(1, key).await;
    three.cut(0, 1);
    three.assert_failed(three.groups[0].clear().await, 1);
    assert_eq!(three.groups[0].stats().pending_hints, 1);
    assert_eq!(three.holds(1), 1);
    three.heal_and_tell().await;
    assert_eq!(three.holds(1), 0);
}

#[tokio::test(start_paused = true)]
async fn too_many_keys_for_a_peer_that_is_away_become_all_keys() {
    let three = Three::new(|group| {
        group
            .anti_entropy_interval(Duration::ZERO)
            .max_hint_bytes(1000)
    })
    .await;
    let own = &three.keys_of(1, 1)[0];
    three.get(1, own).await;
    three.cut(0, 1);
    let others = three.keys_of(2, 100);
    three.assert_failed(three.groups[0].remove_many(&others).await, 1);
    assert_eq!(three.groups[0].stats().pending_hints, 1);
    three.heal_and_tell().await;
    assert_eq!(three.holds(1), 0);
}

#[tokio::test(start_paused = true)]
async fn nobody_is_told_for_ever() {
    let three = Three::new(|group| group.hint_window(5 * MINUTE)).await;
    let key = &three.keys_of(2, 1)[0];
    three.cut(0, 1);
    three.assert_failed(three.groups[0].remove(key).await, 1);
    tokio::time::sleep(4 * MINUTE).await;
    assert_eq!(three.groups[0].stats().pending_hints, 1);
    tokio::time::sleep(2 * MINUTE).await;
    assert_eq!(three.groups[0].stats().pending_hints, 0);

    // Nor does a node keep hints for a member that has left.
    three.assert_failed(three.groups[0].remove(key).await, 1);
    assert_eq!(three.groups[0].stats().pending_hints, 1);
    three.nodes[0]
        .remove_peer(three.nodes[1].member().id())
        .unwrap();
    tokio::time::sleep(MINUTE).await;
    assert_eq!(three.groups[0].stats().pending_hints, 0);
}

#[tokio::test(start_paused = true)]
async fn a_missed_clear_is_learned_from_any_owner() {
    let three = Three::with_replies_only().await;
    let (owners, others) = (three.keys_of(2, 2), three.keys_of(0, 1));
    three.get(1, &owners[0]).await;
    three.get(1, &others[0]).await;
    three.cut(0, 1);
    three.assert_failed(three.groups[0].clear().await, 1);
    three.get(1, &owners[1]).await;
    until(|| three.holds(1) == 0).await;
    three.network.heal();
    assert_eq!(three.get(1, &owners[0]).await, "load 4");
    assert_eq!(three.get(1, &others[0]).await, "load 5");
}

#[tokio::test(start_paused = true)]
async fn what_everybody_was_told_costs_no_second_load_and_no_second_fetch() {
    let three = Three::new(|group| group).await;
    let keys = [
        three.keys_of(0, 5),
        three.keys_of(1, 5),
        three.keys_of(2, 5),
    ]
    .concat();
    // All mirrors are made, and survive everything that the nodes tell each other.
    let get_all = async || {
        for by in 0..3 {
            for key in &keys {
                three.get(by, key).await;
            }
        }
        // Wait until a round begins. A node that asks between the two phases of a change forgets
        // the key a second time.
        tokio::time::sleep(Duration::from_secs(63)).await;
        for by in 0..3 {
            for (n, key) in keys.iter().enumerate() {
                let source = three.groups[by].entry(key).await.unwrap().source();
                let expected = if n / 5 == by {
                    Source::Main
                } else {
                    Source::Hot
                };
                assert_eq!(source, expected, "{key} by {by}");
            }
        }
    };
    get_all().await;
    three.groups[0].remove_many(&keys[3..]).await.unwrap();
    get_all().await;
    three.groups[1].clear().await.unwrap();
    get_all().await;
    for by in 0..3 {
        three.groups[by].set(&keys[7], "new").await.unwrap();
        get_all().await;
    }
    assert_eq!(getter_calls(&three.groups), 15 + 12 + 15);
}
