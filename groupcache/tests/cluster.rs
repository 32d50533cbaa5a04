//! Several nodes load each key once. Checks what happens to the load when members differ or fail.

mod common;

use std::convert::Infallible;
use std::time::Duration;

use common::{Calls, Gate, MIB, assert_adds_up, cluster_of, getter_calls, unmirrored, until};
use groupcache::testing::Cluster;
use groupcache::{Always, Candidate, Key, Never, NotFound, Protocol, Source};

#[tokio::test]
async fn every_key_is_loaded_once_by_its_owner_whoever_is_asked() {
    for &protocol in Protocol::ALL {
        let cluster = cluster_of(3, protocol).await;
        let groups = unmirrored(&cluster, Calls::default().echo());
        for n in 0..60 {
            let key = match protocol {
                // ipronko cannot express a key with a slash, which every node then loads for
                // itself.
                Protocol::Ipronko => format!("key {n} + ключ%"),
                _ => format!("key/{n} + ключ%"),
            };
            let owner = cluster.owner(&key);
            for turn in 0..3 {
                let asked = (n + turn) % 3;
                let entry = groups[asked].entry(&key).await.unwrap();
                assert_eq!(*entry.value(), format!("value of {key}"));
                let expected = match (asked == owner, turn) {
                    (false, _) => Source::Peer,
                    (true, 0) => Source::Origin,
                    (true, _) => Source::Main,
                };
                assert_eq!(entry.source(), expected, "{protocol}: {key}");
            }
        }
        assert_eq!(getter_calls(&groups), 60, "{protocol}");
        for group in &groups {
            assert_adds_up(&group.stats(), 60);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_callers_of_one_cold_key_cost_one_getter_call() {
    let (calls, gate) = (Calls::default(), Gate::closed());
    let cluster = Cluster::start(3).await.unwrap();
    let groups = cluster.group("g", MIB, calls.gated(&gate)).unwrap();
    let callers: Vec<_> = (0..10_000)
        .map(|n| {
            let group = groups[n % 3].clone();
            tokio::spawn(async move { group.get("cold").await })
        })
        .collect();
    gate.arrival().await;
    gate.open(1);
    for caller in callers {
        assert_eq!(caller.await.unwrap().unwrap(), "value of cold");
    }
    assert_eq!(calls.count(), 1);
    let gets: u64 = groups.iter().map(|group| group.stats().gets).sum();
    assert_eq!(gets, 10_000);
}

#[tokio::test]
async fn two_nodes_with_different_rings_cannot_wait_for_each_other() {
    // Each node leaves itself out of its ring, so each sees the other as the owner of every key.
    let (calls, gate) = (Calls::default(), Gate::closed());
    let cluster = Cluster::builder(2)
        .configure(|node| node.include_self(false))
        .start()
        .await
        .unwrap();
    let urls: Vec<_> = cluster
        .nodes()
        .iter()
        .map(|node| node.member().clone())
        .collect();
    cluster.node(0).set_peers([&urls[1]]).unwrap();
    cluster.node(1).set_peers([&urls[0]]).unwrap();
    let groups = unmirrored(&cluster, calls.gated(&gate));

    let both: Vec<_> = groups
        .iter()
        .map(|group| {
            let group = group.clone();
            tokio::spawn(async move { group.get("k").await })
        })
        .collect();
    // Each node is asked by the other and loads the value. Neither forwards the request.
    gate.arrival().await;
    gate.arrival().await;
    gate.open(2);
    for get in both {
        assert_eq!(get.await.unwrap().unwrap(), "value of k");
    }
    assert_eq!(calls.count(), 2);
}

#[tokio::test]
async fn a_dead_owners_keys_are_loaded_by_its_successor_and_no_get_fails() {
    let calls = Calls::default();
    let cluster = Cluster::start(3).await.unwrap();
    let groups = unmirrored(&cluster, calls.echo());
    let keys: Vec<_> = (0..20)
        .map(|n| cluster.key_owned_by(2, &format!("k{n}-")))
        .collect();
    for key in &keys {
        groups[0].get(key).await.unwrap();
    }
    assert_eq!(calls.count(), 20);

    cluster.kill(2);
    for key in &keys {
        assert_eq!(
            groups[0].get(key).await.unwrap(),
            format!("value of {key}").as_str()
        );
        assert_eq!(
            groups[1].get(key).await.unwrap(),
            format!("value of {key}").as_str()
        );
    }
    assert_eq!(
        calls.count(),
        40,
        "once more each: the living agree on the successor"
    );
}

#[tokio::test]
async fn with_every_peer_dead_a_node_loads_for_itself() {
    let calls = Calls::default();
    let cluster = Cluster::start(3).await.unwrap();
    let groups = cluster.group("g", MIB, calls.echo()).unwrap();
    cluster.kill(1);
    cluster.kill(2);
    for n in 0..20 {
        let key = format!("k{n}");
        groups[0].get(&key).await.unwrap();
        assert_eq!(groups[0].entry(&key).await.unwrap().source(), Source::Main);
    }
    assert_eq!(calls.count(), 20);
}

#[tokio::test]
async fn not_found_and_getter_errors_come_back_typed_and_are_not_run_again() {
    for protocol in Protocol::ALL {
        let calls = Calls::default();
        let counted = calls.clone();
        let cluster = Cluster::builder(2)
            .protocol(*protocol)
            .start()
            .await
            .unwrap();
        let groups = cluster
            .group("g", MIB, move |key: Key| {
                counted.add_one();
                async move {
                    match key.starts_with(b"missing") {
                        true => Err::<String, groupcache::GetterError>(NotFound.into()),
                        false => Err("the database says no".into()),
                    }
                }
            })
            .unwrap();
        let missing = cluster.key_owned_by(1, "missing");
        let failing = cluster.key_owned_by(1, "failing");
        let error = groups[0].get(&missing).await.unwrap_err();
        assert!(error.is_not_found(), "{protocol}: {error}");
        let error = groups[0].get(&failing).await.unwrap_err();
        assert!(error.is_getter(), "{protocol}: {error}");
        assert_eq!(error.getter_message(), Some("the database says no"));
        assert_eq!(calls.count(), 2);
        assert_eq!(
            (groups[0].stats().not_found, groups[0].stats().failed),
            (1, 1)
        );
    }
}

#[tokio::test]
async fn a_panic_on_the_owner_is_an_error_for_all_and_the_node_lives_on() {
    let cluster = Cluster::start(2).await.unwrap();
    let groups = cluster
        .group("g", MIB, |key: Key| async move {
            assert!(!key.starts_with(b"bad"), "this key is cursed");
            Ok::<_, Infallible>("fine")
        })
        .unwrap();
    let bad = cluster.key_owned_by(1, "bad");
    let error = groups[0].get(&bad).await.unwrap_err();
    assert!(
        error.is_getter() && error.to_string().contains("this key is cursed"),
        "{error}"
    );
    let good = cluster.key_owned_by(1, "good");
    assert_eq!(groups[0].get(&good).await.unwrap(), "fine");
}

#[tokio::test]
async fn a_peer_that_lacks_the_group_is_passed_over() {
    let calls = Calls::default();
    let cluster = Cluster::start(2).await.unwrap();
    let group = cluster
        .node(0)
        .group("only here", MIB, calls.echo())
        .build()
        .unwrap();
    let key = cluster.key_owned_by(1, "k");
    assert_eq!(
        group.get(&key).await.unwrap(),
        format!("value of {key}").as_str()
    );
    assert_eq!(calls.count(), 1);
}

#[tokio::test]
async fn the_promoter_decides_what_is_mirrored() {
    let cluster = Cluster::start(2).await.unwrap();
    let always = cluster
        .group_with("always", MIB, Calls::default().echo(), |group| {
            group.promoter(Always)
        })
        .unwrap();
    let never = cluster
        .group_with("never", MIB, Calls::default().echo(), |group| {
            group.promoter(Never)
        })
        .unwrap();
    let custom = cluster
        .group_with("custom", MIB, Calls::default().echo(), |group| {
            group.promoter(|candidate: &Candidate<'_>| candidate.key().starts_with(b"hot"))
        })
        .unwrap();
    let (hot, cold) = (
        cluster.key_owned_by(1, "hot"),
        cluster.key_owned_by(1, "cold"),
    );
    let second_source = async |group: &groupcache::Group, key: &str| {
        group.get(key).await.unwrap();
        group.entry(key).await.unwrap().source()
    };
    assert_eq!(second_source(&always[0], &hot).await, Source::Hot);
    assert_eq!(second_source(&never[0], &hot).await, Source::Peer);
    assert_eq!(second_source(&custom[0], &hot).await, Source::Hot);
    assert_eq!(second_source(&custom[0], &cold).await, Source::Peer);
    assert_eq!(always[0].stats().hot_bytes, always[0].stats().bytes);
}

#[tokio::test]
async fn golangs_rule_decides_which_of_main_and_hot_gives_way() {
    let cluster = Cluster::start(2).await.unwrap();
    let groups = cluster
        .group_with(
            "g",
            100_000,
            |_: Key| async { Ok::<_, Infallible>(vec![1; 840]) },
            |group| group.promoter(Always),
        )
        .unwrap();
    // About a hundred entries of a thousand bytes fit. Fill the main part, then add hot entries.
    let mine = (0..100).map(|n| cluster.key_owned_by(0, &format!("m{n}-")));
    for key in mine.collect::<Vec<_>>() {
        groups[0].get(key).await.unwrap();
    }
    let theirs = (0..200).map(|n| cluster.key_owned_by(1, &format!("t{n}-")));
    for key in theirs.collect::<Vec<_>>() {
        groups[0].get(key).await.unwrap();
    }
    let stats = groups[0].stats();
    assert!(stats.bytes <= 100_000, "{stats:?}");
    let main = stats.bytes - stats.hot_bytes;
    assert!(stats.hot_bytes <= main / 8 + 1100, "{stats:?}");
    assert!(stats.hot_bytes > main / 16, "{stats:?}");
}

#[tokio::test]
async fn members_change_at_run_time_and_the_former_owner_hands_its_values_over() {
    let calls = Calls::default();
    let cluster = Cluster::start(3).await.unwrap();
    let groups = unmirrored(&cluster, calls.echo());
    let keys: Vec<_> = (0..50)
        .map(|n| cluster.key_owned_by(2, &format!("k{n}-")))
        .collect();
    let urls: Vec<_> = cluster
        .nodes()
        .iter()
        .map(|node| node.member().clone())
        .collect();
    for node in cluster.nodes() {
        node.set_peers(&urls[..2]).unwrap();
    }
    // A key that the second node owns meanwhile, so the first node keeps no copy.
    let key = keys.iter().find(|key| cluster.owner(key) == 1).unwrap();
    groups[0].get(&key).await.unwrap();
    assert_eq!(calls.count(), 1);

    // The third node joins, and owns the key from now on.
    for node in cluster.nodes() {
        node.set_peers(&urls).unwrap();
    }
    assert_eq!(cluster.owner(key), 2);
    assert_eq!(
        groups[0].get(&key).await.unwrap(),
        format!("value of {key}").as_str()
    );
    assert_eq!(
        calls.count(),
        1,
        "the new owner took the former owner's copy"
    );
    assert_eq!(groups[2].entry(&key).await.unwrap().source(), Source::Main);
}

#[tokio::test]
async fn the_same_members_give_the_same_owners_in_whatever_order_they_are_listed() {
    let cluster = Cluster::start(5).await.unwrap();
    let mut urls: Vec<_> = cluster
        .nodes()
        .iter()
        .map(|node| node.member().clone())
        .collect();
    for node in cluster.nodes() {
        urls.rotate_left(2);
        urls.swap(0, 3);
        node.set_peers(&urls).unwrap();
    }
    for n in 0..500 {
        let key = format!("key {n}");
        let owners: Vec<_> = cluster
            .nodes()
            .iter()
            .map(|node| node.owner(&key))
            .collect();
        assert!(
            owners.windows(2).all(|pair| pair[0] == pair[1]),
            "{key}: {owners:?}"
        );
    }
}

#[tokio::test]
async fn peers_are_added_removed_and_listed() {
    let cluster = Cluster::start(1).await.unwrap();
    let node = cluster.node(0);
    let this = node.member().clone();
    assert_eq!(node.peers(), std::slice::from_ref(&this));
    node.add_peer("pod-2=http://10.0.0.2:8080").unwrap();
    node.add_peer("pod-2=http://10.0.0.2:8080").unwrap();
    assert_eq!(node.peers().len(), 2);
    node.add_peer("pod-2=http://10.0.0.3:8080").unwrap();
    assert_eq!(node.peers().len(), 2, "it has moved");
    assert_eq!(node.peers()[1].url(), "http://10.0.0.3:8080");
    assert!(!node.remove_peer("pod-2=http://10.0.0.2:8080").unwrap());
    assert!(node.remove_peer("pod-2").unwrap());
    assert!(!node.remove_peer("pod-2").unwrap());
    assert!(
        node.set_peers(["http://10.0.0.2:8080", "nonsense"])
            .is_err()
    );
    assert_eq!(node.peers(), [this]);
}

#[tokio::test]
async fn expiry_travels_with_the_reply() {
    let cluster = Cluster::start(2).await.unwrap();
    let groups = cluster
        .group_with(
            "g",
            MIB,
            |_: Key| async {
                let value = groupcache::Value::from("v");
                Ok::<_, Infallible>(value.expires_in(Duration::from_secs(100)))
            },
            |group| group.promoter(Always),
        )
        .unwrap();
    let key = cluster.key_owned_by(1, "k");
    let entry = groups[0].entry(&key).await.unwrap();
    assert_eq!(entry.source(), Source::Peer);
    let left = entry.fresh_until().unwrap() - std::time::Instant::now();
    assert!(
        left <= Duration::from_secs(100) && left > Duration::from_secs(50),
        "{left:?}"
    );
}

#[tokio::test]
async fn a_caller_that_gives_up_on_one_node_does_not_disturb_another_nodes_wait() {
    let (calls, gate) = (Calls::default(), Gate::closed());
    let cluster = Cluster::start(3).await.unwrap();
    let groups = cluster.group("g", MIB, calls.gated(&gate)).unwrap();
    let key = cluster.key_owned_by(2, "k");
    let impatient = tokio::spawn({
        let (group, key) = (groups[0].clone(), key.clone());
        async move { group.get(key).await }
    });
    gate.arrival().await;
    let patient = tokio::spawn({
        let (group, key) = (groups[1].clone(), key.clone());
        async move { group.get(key).await }
    });
    until(|| groups[2].stats().peer_gets == 2).await;
    impatient.abort();
    let _ = impatient.await;
    gate.open(1);
    assert_eq!(
        patient.await.unwrap().unwrap(),
        format!("value of {key}").as_str()
    );
    assert_eq!(calls.count(), 1);
}

#[tokio::test]
async fn a_drained_node_answers_what_is_under_way_and_then_no_more() {
    let (calls, gate) = (Calls::default(), Gate::closed());
    let cluster = Cluster::start(2).await.unwrap();
    let groups = cluster.group("g", MIB, calls.gated(&gate)).unwrap();
    let key = cluster.key_owned_by(1, "k");
    let other = cluster.key_owned_by(1, "other");
    let get = tokio::spawn({
        let (group, key) = (groups[0].clone(), key.clone());
        async move { group.entry(key).await }
    });
    gate.arrival().await;
    let node = cluster.node(1).clone();
    let drained = tokio::spawn(async move { node.shutdown().await });
    gate.open(1);
    assert_eq!(get.await.unwrap().unwrap().source(), Source::Peer);
    drained.await.unwrap();
    gate.open(1);
    assert_eq!(
        groups[0].entry(&other).await.unwrap().source(),
        Source::Origin
    );
}
