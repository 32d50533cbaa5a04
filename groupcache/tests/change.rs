//! Removals, sets and clears reach every node over every protocol that supports them. Loads under
//! way do not undo them.

mod common;

use std::convert::Infallible;

use common::{Calls, Gate, MIB, until};
use groupcache::testing::Cluster;
use groupcache::{Always, Group, Key, Protocol};

/// Whether the protocol can remove, set and clear.
fn abilities(protocol: Protocol) -> [bool; 3] {
    match protocol {
        Protocol::Native => [true, true, true],
        Protocol::Mailgun | Protocol::GroupcacheGo => [true, true, false],
        Protocol::Ipronko => [true, false, false],
        _ => [false, false, false],
    }
}

/// Three nodes that mirror whatever they fetch, and whose getter numbers its calls.
async fn numbering(protocol: Protocol) -> (Cluster, Vec<Group>, Calls) {
    let calls = Calls::default();
    let counted = calls.clone();
    let cluster = Cluster::builder(3)
        .protocol(protocol)
        .start()
        .await
        .unwrap();
    let getter = move |_: Key| {
        let call = counted.add_one();
        async move { Ok::<_, Infallible>(format!("load {call}")) }
    };
    let groups = cluster
        .group_with("g", MIB, getter, |group| group.promoter(Always))
        .unwrap();
    (cluster, groups, calls)
}

async fn all(groups: &[Group], key: &str) -> Vec<String> {
    let mut values = Vec::new();
    for group in groups {
        values.push(group.get(key).await.unwrap().to_str().unwrap().to_owned());
    }
    values
}

#[tokio::test]
async fn of_two_sets_over_a_protocol_without_names_the_later_one_stays() {
    for protocol in [Protocol::Mailgun, Protocol::GroupcacheGo] {
        let (cluster, groups, _) = numbering(protocol).await;
        let key = cluster.key_owned_by(2, "k");
        for (by, value) in [(0, "first"), (1, "second")] {
            groups[by].set(&key, value).await.unwrap();
        }
        assert_eq!(all(&groups, &key).await, ["second"; 3], "{protocol}");
    }
}

#[tokio::test]
async fn a_change_reaches_every_node_or_says_that_the_protocol_has_none() {
    for &protocol in Protocol::ALL {
        let [removes, sets, clears] = abilities(protocol);
        for by in 0..3 {
            let (cluster, groups, _) = numbering(protocol).await;
            let key = cluster.key_owned_by(2, "k");
            let other = cluster.key_owned_by(1, "o");
            let context = format!("{protocol} by {by}");

            assert_eq!(all(&groups, &key).await, ["load 1"; 3], "{context}");
            let removed = groups[by].remove(&key).await;
            check(&removed, removes, &context);
            if removes {
                assert_eq!(all(&groups, &key).await, ["load 2"; 3], "{context}");
                all(&groups, &other).await;
                groups[by].remove_many([&key, &other]).await.unwrap();
                assert_eq!(all(&groups, &key).await, ["load 4"; 3], "{context}");
                assert_eq!(all(&groups, &other).await, ["load 5"; 3], "{context}");
            }

            let set = groups[by].set(&key, "new").await;
            // A node that owns the key sets it here, and has the others forget it.
            check(&set, sets || (removes && by == 2), &context);
            if set.is_ok() {
                assert_eq!(all(&groups, &key).await, ["new"; 3], "{context}");
            }

            let cleared = groups[by].clear().await;
            check(&cleared, clears, &context);
            if clears {
                let values = all(&groups, &key).await;
                assert_eq!(values, ["load 6"; 3], "{context}");
            }
        }
    }
}

fn check(result: &Result<(), groupcache::Error>, possible: bool, context: &str) {
    match result {
        Ok(()) => assert!(possible, "{context}"),
        Err(error) => {
            assert!(!possible, "{context}: {error}");
            assert!(error.is_unsupported(), "{context}: {error}");
        }
    }
}

/// A load is held back on the owner while the node `by` removes the key. A get from before the
/// removal may return the old value. No later get does.
async fn removed_while_loading(protocol: Protocol, asking: usize, by: usize) {
    let (calls, gate) = (Calls::default(), Gate::closed());
    let (counted, gated) = (calls.clone(), gate.clone());
    let cluster = Cluster::builder(3)
        .protocol(protocol)
        .start()
        .await
        .unwrap();
    let getter = move |_: Key| {
        let (call, gate) = (counted.add_one(), gated.clone());
        async move {
            gate.pass().await;
            Ok::<_, Infallible>(format!("load {call}"))
        }
    };
    let groups = cluster
        .group_with("g", MIB, getter, |group| group.promoter(Always))
        .unwrap();
    let key = cluster.key_owned_by(2, "k");
    let early = tokio::spawn({
        let (group, key) = (groups[asking].clone(), key.clone());
        async move { group.get(key).await }
    });
    gate.arrival().await;
    groups[by].remove(&key).await.unwrap();
    // The load from before the removal ends only now, and only now its reply goes out.
    gate.open(1);
    assert_eq!(early.await.unwrap().unwrap(), "load 1");
    gate.open(1);
    for group in &groups {
        let context = format!("{protocol}: asked by {asking}, removed by {by}");
        assert_eq!(group.get(&key).await.unwrap(), "load 2", "{context}");
    }
    assert_eq!(calls.count(), 2);
}

#[tokio::test]
async fn a_load_that_began_before_a_removal_leaves_nothing_behind_on_any_node() {
    for &protocol in Protocol::ALL {
        if !abilities(protocol)[0] {
            continue;
        }
        // The early get is on the owner, on the remover, or on a node that is neither.
        for (asking, by) in [(2, 2), (2, 0), (0, 0), (0, 1), (0, 2)] {
            removed_while_loading(protocol, asking, by).await;
        }
    }
}

#[tokio::test]
async fn a_load_that_began_before_a_set_or_a_clear_leaves_nothing_behind() {
    for clear in [false, true] {
        for (asking, by) in [(2, 2), (2, 0), (0, 0), (0, 1), (0, 2)] {
            let (calls, gate) = (Calls::default(), Gate::closed());
            let cluster = Cluster::start(3).await.unwrap();
            let groups = cluster
                .group_with("g", MIB, calls.gated(&gate), |group| group.promoter(Always))
                .unwrap();
            let key = cluster.key_owned_by(2, "k");
            let early = tokio::spawn({
                let (group, key) = (groups[asking].clone(), key.clone());
                async move { group.get(key).await }
            });
            gate.arrival().await;
            match clear {
                true => groups[by].clear().await.unwrap(),
                false => groups[by].set(&key, "new").await.unwrap(),
            }
            gate.open(1);
            early.await.unwrap().unwrap();
            // A node that has to load now is held back, so a get shows an old value.
            gate.open(1);
            for group in &groups {
                let value = group.get(&key).await.unwrap();
                match clear {
                    true => assert_eq!(value, format!("value of {key}").as_str()),
                    false => assert_eq!(value, "new", "asked by {asking}, set by {by}"),
                }
            }
            assert_eq!(calls.count(), if clear { 2 } else { 1 });
        }
    }
}

#[tokio::test]
async fn a_mirror_on_a_third_node_goes_with_the_value() {
    for &protocol in Protocol::ALL {
        if !abilities(protocol)[0] {
            continue;
        }
        let (cluster, groups, _) = numbering(protocol).await;
        let key = cluster.key_owned_by(2, "k");
        groups[1].get(&key).await.unwrap();
        assert_eq!(
            groups[1].entry(&key).await.unwrap().source(),
            groupcache::Source::Hot
        );
        groups[0].remove(&key).await.unwrap();
        assert_eq!(groups[1].get(&key).await.unwrap(), "load 2", "{protocol}");
    }
}

#[tokio::test]
async fn a_peer_that_is_not_reached_is_named_and_all_others_have_forgotten() {
    let (cluster, groups, _) = numbering(Protocol::Native).await;
    let key = cluster.key_owned_by(2, "k");
    all(&groups, &key).await;
    cluster.kill(1);
    let error = groups[0].remove(&key).await.unwrap_err();
    let failed: Vec<_> = error
        .failed_peers()
        .iter()
        .map(groupcache::FailedPeer::member)
        .collect();
    assert_eq!(failed, [cluster.node(1).member()]);
    until(|| groups[2].stats().entries == 0).await;
    assert_eq!(groups[0].get(&key).await.unwrap(), "load 2");
}
