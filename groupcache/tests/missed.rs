//! Changes that did not reach every node: who missed one learns of it later, from whoever reaches it first.

mod common;

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::simulated::{HOSTS, keys_of, nodes, nodes_with, urls};
use common::three::{Three, on_occasion};
use common::{Calls, Gate, MIB, getter_calls};
use futures_util::future::join;
use groupcache::testing::Network;
use groupcache::{
    Always, CoherenceOptions, Group, Key, Never, Node, NodeBuilder, Protocol, Source, Store, Stored,
};
use tokio::time::sleep;

const MINUTE: Duration = Duration::from_secs(60);

/// Longer than the longest pause between two checks of a peer that does not answer.
const TILL_REACHED: Duration = Duration::from_secs(15);

/// Long enough for nodes that reach each other.
const MOMENT: Duration = Duration::from_millis(50);

#[tokio::test(start_paused = true)]
async fn who_could_not_be_told_is_told_once_it_is_reached_whoever_owns_the_key() {
    for owner in 0..3 {
        let three = Three::new().await;
        let keys = three.keys_of(owner, 2);
        for key in &keys {
            three.get(1, key).await;
        }
        three.cut_off(1);
        three.assert_failed(three.groups[0].remove(&keys[0]).await, 1);
        three.assert_failed(three.groups[0].set(&keys[1], "new").await, 1);
        assert!(three.is_owing(0), "owner {owner}");
        assert_eq!(three.get(1, &keys[0]).await, "load 1", "it cannot know");

        sleep(MINUTE).await;
        assert!(three.is_owing(0), "it is still away");
        three.network.heal();
        sleep(TILL_REACHED).await;
        assert!(!three.is_owing(0), "owner {owner}");
        assert_eq!(three.get_by_each(&keys[0]).await, ["load 3"; 3]);
        // If the set did not reach the owner, no node has kept the value.
        let second = if owner == 1 { "load 4" } else { "new" };
        assert_eq!(three.get_by_each(&keys[1]).await, [second; 3]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_clear_that_did_not_reach_a_peer_reaches_it_later() {
    let three = Three::new().await;
    let (own, other) = (&three.keys_of(1, 1)[0], &three.keys_of(2, 1)[0]);
    three.get(1, own).await;
    three.get(1, other).await;
    three.cut_off(1);
    three.assert_failed(three.groups[0].clear().await, 1);
    assert_eq!((three.is_owing(0), three.holds(1)), (true, 2));
    three.network.heal();
    sleep(TILL_REACHED).await;
    assert_eq!((three.is_owing(0), three.holds(1)), (false, 0));
}

#[tokio::test(start_paused = true)]
async fn over_a_protocol_without_names_who_made_a_change_tells_it_later() {
    let (network, calls) = (Network::new(), Calls::default());
    let mailgun = |node: NodeBuilder| node.protocol(Protocol::Mailgun);
    let nodes = nodes_with(&network, &[0, 1, 2], mailgun).await;
    let build = |node: &Node| {
        let group = node.group("g", MIB, calls.echo()).promoter(Always);
        group.build().unwrap()
    };
    let groups: Vec<Group> = nodes.iter().map(build).collect();
    let keys = keys_of(&nodes[0], 1, 3);
    for key in &keys {
        groups[1].get(key).await.unwrap();
    }
    network.partition(HOSTS[0], HOSTS[1]);
    for key in &keys[..2] {
        let error = groups[0].remove(key).await.unwrap_err();
        assert_eq!(error.failed_peers()[0].member(), nodes[1].member());
    }
    assert_eq!(groups[1].stats().entries, 3);
    network.heal();
    sleep(TILL_REACHED).await;
    assert_eq!(groups[1].stats().entries, 1);
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_only_others_reach_is_told_by_them_at_once() {
    for owner in [1, 2] {
        let three = Three::new().await;
        let keys = three.keys_of(owner, 2);
        for key in &keys {
            three.get(1, key).await;
        }
        three.cut(0, 1);
        three.assert_failed(three.groups[0].remove(&keys[0]).await, 1);
        three.assert_failed(three.groups[0].set(&keys[1], "new").await, 1);
        sleep(MOMENT).await;
        assert_eq!(three.holds(1), 0, "owner {owner}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_change_is_told_on_when_the_node_that_made_it_is_gone() {
    let three = Three::new().await;
    let key = &three.keys_of(1, 1)[0];
    three.get(1, key).await;
    three.cut_off(1);
    three.assert_failed(three.groups[0].remove(key).await, 1);
    three.network.heal();
    three.cut_off(0);
    assert_eq!(three.holds(1), 1);
    sleep(TILL_REACHED).await;
    assert_eq!(three.holds(1), 0);
}

#[tokio::test(start_paused = true)]
async fn a_change_of_a_node_that_died_over_it_reaches_the_others_in_turn() {
    let three = Three::with(CoherenceOptions::default()).await;
    let key = &three.keys_of(1, 1)[0];
    three.get(1, key).await;
    three.cut(0, 1);
    let removal = three.begin_to_remove(0, key).await;
    // Nobody has heard that node 1 was not told.
    three.network.heal();
    three.cut_off(0);
    sleep(2 * MINUTE).await;
    assert_eq!(three.holds(1), 0);
    assert_eq!(three.get(1, key).await, "load 2");
    assert_eq!(removal.await.unwrap().unwrap_err().failed_peers().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_set_that_is_tried_again_is_not_undone() {
    // It gets through before, while and after others tell the owner what it has missed.
    for wait in (0..500).step_by(25).map(Duration::from_millis) {
        let three = Three::new().await;
        let key = &three.keys_of(1, 1)[0];
        three.cut_off(1);
        three.assert_failed(three.groups[0].remove(key).await, 1);
        three.assert_failed(three.groups[0].set(key, "new").await, 1);
        three.network.heal();
        three.network.delay(Duration::from_millis(10));
        sleep(wait).await;
        // Until the peer's circuit lets requests through again, the set fails.
        while three.groups[0].set(key, "newer").await.is_err() {
            sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(three.get_by_each(key).await, ["newer"; 3], "{wait:?}");
        sleep(MINUTE).await;
        assert!(!three.is_owing(0));
        assert_eq!(three.get_by_each(key).await, ["newer"; 3], "{wait:?}");
    }
}

/// The owner of a key has missed its removal and others. A node sets the key so long `after` it reaches the owner again.
/// Returns what each node gets then.
async fn set_while_the_owner_is_told(others: usize, after: Duration) -> [String; 3] {
    let three = Three::new().await;
    let keys = three.keys_of(1, 2);
    three.cut_off(1);
    three.assert_failed(three.groups[0].remove("any").await, 1);
    let removed = (0..others).map(|n| format!("other-{n}"));
    let removed = removed.chain([keys[0].clone()]);
    three.assert_failed(three.groups[0].remove_many(removed).await, 1);
    three.network.heal();
    three.network.delay(Duration::from_millis(50));
    while three.groups[0].set(&keys[1], "any").await.is_err() {
        sleep(Duration::from_millis(10)).await;
    }
    assert!(three.is_owing(0), "the owner has yet to be told");
    sleep(after).await;
    three.groups[0].set(&keys[0], "new").await.unwrap();
    sleep(MINUTE).await;
    assert!(!three.is_owing(0));
    three.get_by_each(&keys[0]).await
}

#[tokio::test(start_paused = true)]
async fn a_set_is_not_undone_by_an_older_change_that_is_on_its_way_to_the_owner() {
    for after in (0..400).step_by(20).map(Duration::from_millis) {
        let values = set_while_the_owner_is_told(100, after).await;
        assert_eq!(values, ["new"; 3], "{after:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_set_is_not_undone_by_more_older_changes_than_the_log_holds() {
    for after in [0, 50, 100, 150, 200].map(Duration::from_millis) {
        let [_, owners, _] = set_while_the_owner_is_told(25_000, after).await;
        assert_eq!(owners, "new", "{after:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn two_sets_by_nodes_that_know_nothing_of_each_other_leave_neither_value() {
    for [one, other] in [[0, 1], [1, 0], [0, 2], [2, 0]] {
        let three = Three::new().await;
        let key = &three.keys_of(2, 1)[0];
        three.network.delay(Duration::from_millis(10));
        let sets = join(
            three.groups[one].set(key, "one"),
            three.groups[other].set(key, "other"),
        );
        let (one, other) = sets.await;
        one.unwrap();
        other.unwrap();
        assert_eq!(three.get_by_each(key).await, ["load 1"; 3]);
        three.groups[1].set(key, "later").await.unwrap();
        assert_eq!(three.get_by_each(key).await, ["later"; 3]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_has_missed_more_than_the_log_holds_forgets_the_group_and_no_other() {
    let three = Three::with(on_occasion().change_log_bytes(1 << 10)).await;
    let build = |node: &Node| {
        let group = node.group("other", MIB, Calls::default().echo());
        group.promoter(Always).build().unwrap()
    };
    let others: Vec<_> = three.nodes.iter().map(build).collect();
    let keys = [three.keys_of(0, 10), three.keys_of(1, 10)].concat();
    for key in &keys {
        three.get(1, key).await;
        others[1].get(key).await.unwrap();
    }
    assert_eq!((three.holds(1), others[1].stats().entries), (20, 20));
    three.cut_off(1);
    let removed = (0..100).map(|n| format!("removed-{n}"));
    three.assert_failed(three.groups[0].remove_many(removed).await, 1);
    three.network.heal();
    sleep(TILL_REACHED).await;
    assert_eq!((three.holds(1), others[1].stats().entries), (0, 20));
    // It costs that once.
    for key in &keys {
        three.get(1, key).await;
    }
    three.groups[0].remove(&keys[0]).await.unwrap();
    sleep(MINUTE).await;
    assert_eq!(three.holds(1), 19);
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
    let new = &urls()[1];
    for node in &old {
        assert!(node.remove_peer(new).unwrap());
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
        node.add_peer(&**new).unwrap();
    }
    sleep(Duration::from_secs(20)).await;
    for key in &keys {
        group.get(key).await.unwrap();
    }
    assert_eq!(calls.count(), 50);
}

#[tokio::test(start_paused = true)]
async fn a_member_that_has_left_is_told_nothing_and_everything_once_it_is_back() {
    let three = Three::new().await;
    let (own, other) = (&three.keys_of(1, 1)[0], &three.keys_of(2, 1)[0]);
    three.get(1, own).await;
    three.get(1, other).await;
    let away = &urls()[1];
    for place in [0, 2] {
        assert!(three.nodes[place].remove_peer(away).unwrap());
    }
    sleep(2 * MINUTE).await;
    three.groups[0].remove(own).await.unwrap();
    three.groups[2].remove(other).await.unwrap();
    sleep(60 * MINUTE).await;
    assert!(!three.is_owing(0) && !three.is_owing(2));
    assert_eq!(three.holds(1), 2);

    for place in [0, 2] {
        three.nodes[place].add_peer(&**away).unwrap();
    }
    sleep(MOMENT).await;
    assert_eq!(three.holds(1), 0);
    assert_eq!(three.get_by_each(own).await, ["load 3"; 3]);
    assert_eq!(three.get_by_each(other).await, ["load 4"; 3]);
}

#[tokio::test(start_paused = true)]
async fn a_member_that_joins_while_a_removal_is_under_way_is_told_before_it_returns() {
    let three = Three::new().await;
    let key = &three.keys_of(2, 1)[0];
    three.get(2, key).await;
    let newcomer = &urls()[2];
    assert!(three.nodes[0].remove_peer(newcomer).unwrap());
    sleep(2 * MINUTE).await;
    three.network.delay(MOMENT);
    let removal = three.groups[0].remove(key);
    let joins = async {
        sleep(MOMENT / 2).await;
        three.nodes[0].add_peer(&**newcomer).unwrap();
        assert_eq!(three.holds(2), 1);
    };
    let (removed, ()) = join(removal, joins).await;
    removed.unwrap();
    assert_eq!(three.holds(2), 0);
}

#[tokio::test(start_paused = true)]
async fn a_member_that_has_just_left_is_still_told_since_others_may_ask_it() {
    let three = Three::new().await;
    let key = &three.keys_of(1, 1)[0];
    assert_eq!(three.get(2, key).await, "load 1");
    let away = &urls()[1];
    assert!(three.nodes[0].remove_peer(away).unwrap());
    three.groups[0].remove(key).await.unwrap();
    assert_eq!(three.holds(1), 0);
    assert_eq!(three.get(2, key).await, "load 2");
    // One that does not answer is no failure of the change.
    three.cut_off(1);
    three.groups[0].remove(key).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_member_that_has_just_joined_is_told_by_who_knows_it() {
    let three = Three::new().await;
    let key = &three.keys_of(2, 1)[0];
    for place in [0, 2] {
        assert!(three.nodes[place].remove_peer(&urls()[1]).unwrap());
    }
    sleep(2 * MINUTE).await;
    assert_eq!(three.get(1, key).await, "load 1");
    three.nodes[2].add_peer(&*urls()[1]).unwrap();
    sleep(MOMENT).await;
    three.groups[0].remove(key).await.unwrap();
    assert_eq!(three.holds(1), 0);
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_leaves_for_a_moment_is_told_what_it_missed_before() {
    let three = Three::new().await;
    let key = &three.keys_of(1, 1)[0];
    assert_eq!(three.get(1, key).await, "load 1");
    three.cut_off(1);
    for key in ["any", key] {
        three.assert_failed(three.groups[0].remove(key).await, 1);
    }
    for place in [0, 2] {
        assert!(three.nodes[place].remove_peer(&urls()[1]).unwrap());
    }
    sleep(Duration::from_secs(5)).await;
    assert!(!three.is_owing(0));
    three.network.heal();
    sleep(MOMENT).await;
    assert_eq!(three.holds(1), 1);
    for place in [0, 2] {
        three.nodes[place].add_peer(&*urls()[1]).unwrap();
    }
    sleep(TILL_REACHED).await;
    assert_eq!(three.get_by_each(key).await, ["load 2"; 3]);
}

#[tokio::test(start_paused = true)]
async fn what_everybody_was_told_costs_no_second_load_and_no_second_fetch() {
    let three = Three::with(CoherenceOptions::default()).await;
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
        sleep(MINUTE).await;
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

#[tokio::test(start_paused = true)]
async fn a_removal_of_other_keys_does_not_void_what_is_under_way() {
    let (network, calls, gate) = (Network::new(), Calls::default(), Gate::closed());
    let nodes = nodes(&network, &[0, 1, 2]).await;
    let build = |node: &Node| {
        let group = node.group("g", MIB, calls.gated(&gate));
        group.promoter(Always).build().unwrap()
    };
    let groups: Vec<Group> = nodes.iter().map(build).collect();
    let key = &keys_of(&nodes[0], 1, 1)[0];
    let get = tokio::spawn({
        let (group, key) = (groups[0].clone(), key.clone());
        async move { group.get(key).await }
    });
    gate.arrival().await;
    let others = || (0..100).map(|n| format!("other-{n}"));
    for group in &groups {
        group.remove_many(others()).await.unwrap();
    }
    gate.open(1);
    get.await.unwrap().unwrap();
    for (group, source) in groups.iter().zip([Source::Hot, Source::Main]) {
        assert_eq!(group.entry(key).await.unwrap().source(), source);
    }
    assert_eq!(calls.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_panics_during_an_exchange_is_told_again() {
    /// Panics at the first removals of each key.
    #[derive(Clone, Default)]
    struct Fragile {
        held: Arc<Mutex<HashMap<Key, Stored>>>,
        panics: Arc<AtomicUsize>,
    }
    impl Store for Fragile {
        fn get(&self, key: &[u8]) -> Option<Stored> {
            self.held.lock().unwrap().get(key).cloned()
        }
        fn insert(&self, key: Key, stored: Stored) {
            self.held.lock().unwrap().insert(key, stored);
        }
        fn remove(&self, key: &[u8]) {
            assert!(self.panics.fetch_add(1, SeqCst) >= 3, "the store is broken");
            self.held.lock().unwrap().remove(key);
        }
        fn clear(&self) {}
    }
    let (network, calls, store) = (Network::new(), Calls::default(), Fragile::default());
    // The node that makes the change does not know the other one, and so makes no exchanges with it.
    let alone = nodes_with(&network, &[0], |node| node.peers([&urls()[0]])).await;
    let second = nodes_with(&network, &[1], |node| node.peers([&urls()[1]])).await;
    let group = |node: &Node| node.group("g", MIB, calls.echo()).promoter(Never);
    let initiator = group(&alone[0]).build().unwrap();
    let fragile = group(&second[0]).store(store.clone()).build().unwrap();
    fragile.get("key").await.unwrap();
    initiator.remove("key").await.unwrap();
    second[0].set_peers(&urls()[..2]).unwrap();
    sleep(TILL_REACHED).await;
    assert!(store.panics.load(SeqCst) > 3);
    assert!(store.get(b"key").is_none());
}
