//! Gets of several keys: their order and outcomes, the rounds with other nodes, and the loads that they share with
//! single gets.

mod common;

use std::convert::Infallible;
use std::future::pending;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, OnceLock};
use std::task::Poll;
use std::time::Duration;

use common::simulated::{self, HOSTS, keys_of};
use common::{
    Calls, Gate, MIB, assert_adds_up, cluster_of, getter_calls, lonely_node, unmirrored, until,
};
use futures_util::future::{join, join_all};
use futures_util::{Stream as _, StreamExt as _};
use groupcache::testing::{Cluster, Network};
use groupcache::{
    Answers, Bulk, Candidate, Context, GetOptions, GetterError, Group, GroupBuilder, HttpOptions,
    Key, Mode, Never, NotFound, Protocol, Source, Store, Stored,
};
use proptest::prelude::*;

const SECOND: Duration = Duration::from_secs(1);

fn keys(prefix: &str, count: usize) -> Vec<String> {
    (0..count).map(|n| format!("{prefix}{n}")).collect()
}

/// A getter whose loads of slow keys never end.
async fn slow_or_echo(key: Key) -> Result<Vec<u8>, Infallible> {
    if key.starts_with(b"slow") {
        return pending().await;
    }
    Ok(key.to_vec())
}

/// Keys of one node of a cluster.
fn keys_owned_by(cluster: &Cluster, index: usize, count: usize) -> Vec<String> {
    let all = (0..).map(|n| format!("k{n}"));
    all.filter(|key| cluster.owner(key) == index)
        .take(count)
        .collect()
}

/// So many keys of each of the first two nodes.
fn keys_owned_by_each(cluster: &Cluster, count: usize) -> Vec<String> {
    let mut keys = keys_owned_by(cluster, 0, count);
    keys.extend(keys_owned_by(cluster, 1, count));
    keys
}

/// Options of nodes that count their exchanges: over HTTP, where the hook sees each.
fn counted_rounds() -> (Arc<AtomicUsize>, HttpOptions) {
    let rounds = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&rounds);
    let http = HttpOptions::default().multiplexing(false);
    let http = http.on_request(move |_| {
        counted.fetch_add(1, SeqCst);
        Ok(Context::default())
    });
    (rounds, http)
}

/// Every key has its value, in order.
async fn assert_all(group: &Group, keys: &[String]) {
    let outcomes = group.get_many(keys).await;
    assert_eq!(outcomes.len(), keys.len());
    for (key, outcome) in keys.iter().zip(outcomes) {
        assert_eq!(outcome.unwrap(), format!("value of {key}"));
    }
}

/// Polls a get so often that all it can do without the gate is done.
async fn begun<F: Future + Unpin>(future: &mut F) {
    for _ in 0..100 {
        let polled = std::future::poll_fn(|context| {
            Poll::Ready(std::pin::Pin::new(&mut *future).poll(context))
        });
        assert!(polled.await.is_pending());
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn the_outcomes_are_in_the_order_of_the_keys_and_each_is_its_own() {
    let getter = |key: Key| async move {
        match &*key {
            b"absent" => Err(GetterError::from(NotFound)),
            b"broken" => Err("the database is down".into()),
            b"panic" => panic!("the getter is broken"),
            key => Ok(key.to_vec()),
        }
    };
    let group = lonely_node()
        .await
        .group("g", MIB, getter)
        .max_key_bytes(10);
    let group = group.build().unwrap();
    group.get("cached").await.unwrap();
    let listed = [
        "b",
        "absent",
        "cached",
        "broken",
        "b",
        "panic",
        "much too long",
        "",
        "a",
    ];
    let outcomes = group.get_many(listed).await;
    for (at, value) in [(0, "b"), (2, "cached"), (4, "b"), (7, ""), (8, "a")] {
        assert_eq!(*outcomes[at].as_ref().unwrap(), value);
    }
    let error = |at: usize| outcomes[at].as_ref().unwrap_err();
    assert!(error(1).is_not_found());
    assert_eq!(error(3).getter_message(), Some("the database is down"));
    assert!(error(5).is_getter_panic());
    assert_eq!(error(5).getter_message(), Some("the getter is broken"));
    assert!(error(6).is_too_large());
    assert_adds_up(&group.stats(), 10);
    assert_eq!(group.stats().getter_calls, 7);
    assert!(group.get_many([""; 0]).await.is_empty());
}

#[tokio::test]
async fn any_number_of_keys_is_loaded_once_each() {
    let calls = Calls::default();
    let group = lonely_node()
        .await
        .group("g", 16 * MIB, calls.echo())
        .build()
        .unwrap();
    let mut many = keys("k", 10_000);
    many.extend(keys("k", 5_000));
    assert_all(&group, &many).await;
    assert_eq!(calls.count(), 10_000);
    assert_adds_up(&group.stats(), 15_000);
    let entries = group
        .get_many_with_options(&many, GetOptions::default())
        .await;
    assert!(
        entries
            .iter()
            .all(|entry| entry.as_ref().unwrap().source() == Source::Main)
    );
}

#[tokio::test]
async fn keys_of_other_nodes_cost_one_round_with_each() {
    let (rounds, http) = counted_rounds();
    let cluster = Cluster::builder(3).http(http).start().await.unwrap();
    let groups = unmirrored(&cluster, Calls::default().echo());
    let many = keys("k", 300);
    for key in &many {
        groups[cluster.owner(key)].get(key).await.unwrap();
    }
    rounds.store(0, SeqCst); // the questions to former owners
    assert_all(&groups[0], &many).await;
    assert_eq!(rounds.load(SeqCst), 2);
    let own = many.iter().filter(|key| cluster.owner(key) == 0).count() as u64;
    let stats = groups[0].stats();
    assert_eq!((stats.main_hits, stats.fetched), (own, 300 - own));
    assert_eq!(getter_calls(&groups), 300);
}

#[tokio::test]
async fn every_protocol_gets_many_keys_and_loads_each_once() {
    for &protocol in Protocol::ALL {
        let cluster = cluster_of(3, protocol).await;
        let groups = unmirrored(&cluster, Calls::default().echo());
        let many = keys("key ", 200);
        for group in &groups {
            assert_all(group, &many).await;
            assert_adds_up(&group.stats(), 200);
        }
        assert_eq!(getter_calls(&groups), 200, "{protocol}");
    }
}

#[tokio::test]
async fn a_single_get_and_a_get_of_many_share_one_load() {
    let (calls, gate) = (Calls::default(), Gate::closed());
    let cluster = Cluster::start(2).await.unwrap();
    let groups = cluster.group("g", MIB, calls.gated(&gate)).unwrap();
    for owner in [0, 1] {
        let many = keys_owned_by(&cluster, owner, 3);
        let first = calls.count();
        // A single get is under way, then one of many, then a single one of another of its keys.
        let mut single = Box::pin(groups[0].get(&many[0]));
        begun(&mut single).await;
        gate.arrival().await;
        let mut all = Box::pin(groups[0].get_many(&many));
        begun(&mut all).await;
        gate.arrivals(2).await;
        let mut late = Box::pin(groups[1].get(&many[2]));
        begun(&mut late).await;
        gate.open(3);
        let (single, (all, late)) = join(single, join(all, late)).await;
        assert_eq!(single.unwrap(), all[0].as_ref().unwrap());
        assert_eq!(late.unwrap(), all[2].as_ref().unwrap());
        assert_eq!(calls.count() - first, 3);
    }
}

#[tokio::test]
async fn gets_of_many_keys_that_overlap_load_each_key_once() {
    let calls = Calls::default();
    let cluster = Cluster::start(3).await.unwrap();
    let groups = cluster.group("g", MIB, calls.echo()).unwrap();
    let many = keys("k", 120);
    let gets = (0..30).map(|n| {
        let (group, from) = (&groups[n % 3], n * 4 % 60);
        assert_all(group, &many[from..from + 60])
    });
    join_all(gets).await;
    assert_eq!(
        calls.count(),
        120 - 4,
        "the last four are asked for by nobody"
    );
}

#[tokio::test]
async fn what_is_cached_comes_before_what_is_not_and_a_slow_key_holds_nothing_up() {
    let cluster = Cluster::start(2).await.unwrap();
    let groups = unmirrored(&cluster, slow_or_echo);
    let mut many = keys_owned_by(&cluster, 1, 10);
    many.extend(keys_owned_by(&cluster, 0, 10));
    let cached = many[19].clone();
    groups[0].get(&cached).await.unwrap();
    for owner in [0, 1] {
        let slow = cluster.key_owned_by(owner, "slow");
        many.insert(5, slow);
    }
    let mut stream = groups[0].get_many_stream(&many, GetOptions::default());
    assert_eq!(stream.size_hint(), (22, Some(22)));
    let mut came = Vec::new();
    for _ in 0..20 {
        let (index, entry) = stream.next().await.unwrap();
        assert_eq!(*entry.unwrap().value(), *many[index]);
        came.push(&many[index]);
    }
    assert_eq!(*came[0], cached);
    assert!(came.iter().all(|key| !key.starts_with("slow")));
    assert_eq!(stream.size_hint(), (2, Some(2)));
    drop(stream);
    let stats = groups[0].stats();
    assert_eq!((stats.gets, stats.failed), (23, 2));
}

#[tokio::test]
async fn a_caller_that_goes_away_leaves_loads_to_go_on_and_others_to_get_them() {
    let (calls, gate) = (Calls::default(), Gate::closed());
    let cluster = Cluster::start(2).await.unwrap();
    let groups = cluster.group("g", MIB, calls.gated(&gate)).unwrap();
    let many = keys_owned_by_each(&cluster, 4);
    let mut first = Box::pin(groups[0].get_many(&many));
    begun(&mut first).await;
    gate.arrivals(8).await;
    let mut second = Box::pin(groups[0].get_many(&many[2..]));
    begun(&mut second).await;
    drop(first);
    gate.open(8);
    assert!(second.await.iter().all(Result::is_ok));
    let is_cached = |n: usize| groups[n].stats().entries >= 4;
    until(|| is_cached(0) && is_cached(1)).await;
    assert_all(&groups[0], &many).await;
    assert_eq!(calls.count(), 8);
    assert_eq!(groups[0].stats().failed, 8);
    assert_adds_up(&groups[0].stats(), 8 + 6 + 8);
}

#[tokio::test(start_paused = true)]
async fn keys_without_an_outcome_time_out_and_the_others_are_there() {
    let group = lonely_node()
        .await
        .group("g", MIB, slow_or_echo)
        .build()
        .unwrap();
    let options = GetOptions::default().timeout(SECOND);
    let outcomes = group
        .get_many_with_options(["a", "slow", "b"], options)
        .await;
    assert_eq!(*outcomes[0].as_ref().unwrap().value(), "a");
    assert!(outcomes[1].as_ref().unwrap_err().is_timeout());
    assert_eq!(*outcomes[2].as_ref().unwrap().value(), "b");
    assert_adds_up(&group.stats(), 3);
    // Also keys that had to wait for their turn.
    let mut many = vec!["slow".to_owned()];
    many.extend(keys("k", 5000));
    let outcomes = group.get_many_with_options(&many, options).await;
    assert_eq!(
        outcomes.iter().filter(|outcome| outcome.is_ok()).count(),
        4095
    );
    assert_adds_up(&group.stats(), 3 + 5001);
}

#[tokio::test]
async fn too_many_flights_are_refused_key_by_key() {
    let (calls, gate) = (Calls::default(), Gate::closed());
    let group = lonely_node()
        .await
        .group("g", MIB, calls.gated(&gate))
        .max_flights(3);
    let group = group.build().unwrap();
    gate.open(3);
    let outcomes = group.get_many(keys("k", 10)).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 3);
    let errors = || outcomes.iter().filter_map(|outcome| outcome.as_ref().err());
    assert!(errors().all(groupcache::Error::is_overloaded));
    gate.open(3);
    assert!(
        group
            .get_many(keys("new", 3))
            .await
            .iter()
            .all(Result::is_ok),
        "places are given back"
    );
}

#[tokio::test(start_paused = true)]
async fn a_getter_may_ask_its_group_for_another_key_of_the_same_call() {
    let thumbnails = Arc::new(OnceLock::<Group>::new());
    let pictures = Arc::clone(&thumbnails);
    let getter = move |key: Key| {
        let pictures = Arc::clone(&pictures);
        async move {
            match &*key {
                b"original" => Ok("picture".into()),
                _ => pictures.get().unwrap().get("original").await,
            }
        }
    };
    let group = lonely_node().await.group("g", MIB, getter).build().unwrap();
    thumbnails.set(group.clone()).unwrap();
    let mut many = keys("small", 500);
    many.push("original".to_owned());
    let outcomes = group.get_many(&many).await;
    for outcome in outcomes {
        assert_eq!(outcome.unwrap(), "picture");
    }
    assert_eq!(group.stats().getter_calls, 501);
}

#[tokio::test(start_paused = true)]
async fn slow_loads_hold_up_no_single_get_of_a_further_key() {
    let group = lonely_node()
        .await
        .group("g", MIB, slow_or_echo)
        .build()
        .unwrap();
    let mut many = keys("slow", 500);
    many.push("quick".to_owned());
    let mut stream = group.get_many_stream(&many, GetOptions::default());
    let (index, outcome) = stream.next().await.unwrap();
    assert_eq!((index, outcome.unwrap().value()), (500, &"quick".into()));

    let mut many = keys("slow", 5000);
    many.push("last".to_owned());
    let mut all = Box::pin(group.get_many(&many));
    begun(&mut all).await;
    let single = tokio::time::timeout(SECOND, group.get("last"));
    assert_eq!(single.await.unwrap().unwrap(), "last");
}

#[tokio::test]
async fn small_limits_of_an_exchange_hold_for_each_key_alone() {
    for multiplexing in [true, false] {
        for limit in [20, 300] {
            let http = HttpOptions::default().max_value_bytes(limit);
            let http = http.multiplexing(multiplexing);
            let cluster = Cluster::builder(2).http(http).start().await.unwrap();
            let calls = Calls::default();
            let groups = unmirrored(&cluster, calls.echo());
            let many = keys_owned_by(&cluster, 1, 500);
            assert_all(&groups[0], &many).await;
            assert_eq!(calls.count(), 500);
            assert_eq!(groups[0].stats().fetched, 500);
        }
    }
}

#[tokio::test]
async fn slow_keys_of_an_owner_are_asked_for_together_until_all_have_come() {
    let alone = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&alone);
    let http = HttpOptions::default().multiplexing(false);
    let http = http.on_request(move |head| {
        counted.fetch_add(usize::from(head.method == "GET"), SeqCst);
        Ok(Context::default())
    });
    let cluster = Cluster::builder(2).http(http).start().await.unwrap();
    let (calls, gate) = (Calls::default(), Gate::closed());
    let groups = unmirrored(&cluster, calls.gated(&gate));
    let many = keys_owned_by(&cluster, 1, 8);
    let mut stream = groups[0].get_many_stream(&many, GetOptions::default());
    begun(&mut stream.next()).await;
    gate.arrivals(8).await;
    alone.store(0, SeqCst); // the questions to former owners
    for _ in &many {
        gate.open(1);
        stream.next().await.unwrap().1.unwrap();
    }
    assert_eq!((calls.count(), alone.load(SeqCst)), (8, 0));
}

#[tokio::test]
async fn a_promoter_that_panics_costs_its_key_alone() {
    let cluster = Cluster::start(2).await.unwrap();
    let promoter = |candidate: &Candidate<'_>| match candidate.value() {
        value if value.ends_with(b"0") => panic!("the promoter is broken"),
        _ => false,
    };
    let groups = cluster
        .group_with("g", MIB, Calls::default().echo(), |group| {
            group.promoter(promoter)
        })
        .unwrap();
    let many = keys_owned_by(&cluster, 1, 50);
    for key in &many {
        groups[1].get(key).await.unwrap();
    }
    for mode in [Mode::Normal, Mode::Peek] {
        let options = GetOptions::default().mode(mode);
        let outcomes = groups[0].get_many_with_options(&many, options).await;
        for (key, outcome) in many.iter().zip(outcomes) {
            match outcome {
                Ok(_) => assert!(!key.ends_with('0')),
                Err(error) => assert!(key.ends_with('0') && error.is_getter_panic()),
            }
        }
    }
}

#[tokio::test]
async fn a_store_that_panics_costs_its_key_alone() {
    /// Panics at the second look for a key, which the load takes.
    #[derive(Default)]
    struct Fragile(AtomicUsize);
    impl Store for Fragile {
        fn get(&self, key: &[u8]) -> Option<Stored> {
            let is_second = key == b"broken" && self.0.fetch_add(1, SeqCst) == 1;
            assert!(!is_second, "the store is broken");
            None
        }
        fn insert(&self, _: Key, _: Stored) {}
        fn remove(&self, _: &[u8]) {}
        fn clear(&self) {}
    }
    let group = lonely_node()
        .await
        .group("g", MIB, slow_or_echo)
        .store(Fragile::default());
    let group = group.build().unwrap();
    let outcomes = group.get_many(["a", "broken", "b"]).await;
    assert_eq!(*outcomes[0].as_ref().unwrap(), "a");
    let error = outcomes[1].as_ref().unwrap_err();
    assert_eq!(error.getter_message(), Some("the store is broken"));
    assert_eq!(*outcomes[2].as_ref().unwrap(), "b");
}

#[tokio::test]
async fn a_dead_owners_keys_are_loaded_once_by_its_successors() {
    for protocol in [Protocol::Native, Protocol::Golang] {
        let cluster = cluster_of(3, protocol).await;
        let calls = Calls::default();
        let groups = unmirrored(&cluster, calls.echo());
        let many = keys("k", 90);
        cluster.kill(2);
        for group in &groups[..2] {
            assert_all(group, &many).await;
            assert_adds_up(&group.stats(), 90);
        }
        assert_eq!(calls.count(), 90, "{protocol}");
        assert!(groups[0].stats().peer_errors > 0);
    }
}

#[tokio::test]
async fn an_owner_that_dies_in_the_middle_of_a_round_is_replaced() {
    let (calls, gate) = (Calls::default(), Gate::closed());
    let cluster = Cluster::start(3).await.unwrap();
    let groups = unmirrored(&cluster, calls.gated(&gate));
    let many = keys_owned_by(&cluster, 1, 20);
    let group = groups[0].clone();
    let asked = many.clone();
    let get = tokio::spawn(async move { group.get_many(&asked).await });
    gate.arrivals(16).await;
    cluster.kill(1);
    gate.open(100);
    let outcomes = get.await.unwrap();
    assert!(outcomes.iter().all(Result::is_ok));
    assert_eq!(groups[0].stats().fetched + groups[0].stats().loaded, 20);
    assert!(groups[0].stats().peer_errors > 0);
}

#[tokio::test(start_paused = true)]
async fn a_silent_owner_is_found_dead_by_a_check_and_its_keys_are_loaded_elsewhere() {
    let network = Network::new();
    let nodes = simulated::nodes(&network, &[0, 1, 2]).await;
    let calls = Calls::default();
    let groups: Vec<_> = nodes
        .iter()
        .map(|node| {
            node.group("g", MIB, calls.echo())
                .promoter(Never)
                .build()
                .unwrap()
        })
        .collect();
    let many = keys_of(&nodes[0], 1, 10);
    network.partition(HOSTS[0], HOSTS[1]);
    assert_all(&groups[0], &many).await;
    assert_eq!(calls.count(), 10);
}

#[tokio::test]
async fn values_beyond_one_reply_come_in_further_ones() {
    let http = HttpOptions::default().max_value_bytes(1000);
    let cluster = Cluster::builder(2).http(http).start().await.unwrap();
    let getter = |key: Key| async move { Ok::<_, Infallible>(format!("{key:>900}")) };
    let groups = unmirrored(&cluster, getter);
    let many = keys_owned_by(&cluster, 1, 50);
    let outcomes = groups[0].get_many(&many).await;
    for (key, outcome) in many.iter().zip(outcomes) {
        assert_eq!(outcome.unwrap(), format!("{key:>900}"));
    }
    assert_eq!(getter_calls(&groups), 50);
}

#[tokio::test]
async fn peeks_beyond_one_reply_come_in_further_ones() {
    let (rounds, http) = counted_rounds();
    let cluster = Cluster::builder(2).http(http).start().await.unwrap();
    let getter = |_: Key| async { Ok::<_, Infallible>(vec![7; 300_000]) };
    let settings = |group: GroupBuilder| group.promoter(Never);
    let groups = cluster.group_with("g", 64 * MIB, getter, settings).unwrap();
    let many = keys_owned_by(&cluster, 1, 100);
    assert!(groups[1].get_many(&many).await.iter().all(Result::is_ok));
    rounds.store(0, SeqCst);
    let peek = GetOptions::default().mode(Mode::Peek);
    let found = groups[0].get_many_with_options(&many, peek).await;
    assert!(found.iter().all(Result::is_ok));
    assert_eq!(rounds.load(SeqCst), 4, "8 MiB each");
}

#[tokio::test]
async fn keys_in_the_owners_memory_are_counted_once_however_many_and_long_they_are() {
    // Some are answered at once, some are too many or too long for that, and some do not fit into one reply.
    for (count, length) in [
        (100, 100),
        (256, 10),
        (257, 10),
        (100, 4_000),
        (40, 300_000),
    ] {
        let value = move |key: &[u8]| {
            let mut value = key.to_vec();
            value.resize(length, b'.');
            value
        };
        let getter = move |key: Key| async move { Ok::<_, Infallible>(value(&key)) };
        let cluster = Cluster::builder(2).start().await.unwrap();
        let settings = |group: GroupBuilder| group.promoter(Never);
        let groups = cluster.group_with("g", 16 * MIB, getter, settings);
        let groups = groups.unwrap();
        let many = keys_owned_by(&cluster, 1, count);
        assert!(groups[1].get_many(&many).await.iter().all(Result::is_ok));
        let before = groups[1].stats().peer_gets;
        for (key, outcome) in many.iter().zip(groups[0].get_many(&many).await) {
            assert_eq!(outcome.unwrap(), value(key.as_bytes()));
        }
        let asked = groups[1].stats().peer_gets - before;
        // The value that did not fit any more was looked up all the same.
        let replies = (count * length).div_ceil(8 << 20) as u64;
        let once = count as u64..count as u64 + replies;
        assert!(once.contains(&asked), "{asked} of {count} of {length}");
    }
}

#[tokio::test]
async fn a_store_whose_removals_panic_costs_its_keys_alone() {
    struct Fragile;
    impl Store for Fragile {
        fn get(&self, _: &[u8]) -> Option<Stored> {
            None
        }
        fn insert(&self, _: Key, _: Stored) {}
        fn remove(&self, _: &[u8]) {
            panic!("the store is broken");
        }
        fn clear(&self) {}
    }
    let getter = |key: Key| async move {
        match &*key {
            b"absent" => Err(GetterError::from(NotFound)),
            key => Ok(key.to_vec()),
        }
    };
    let together = Bulk(|keys: Vec<Key>| async {
        let found = keys.into_iter().filter(|key| **key != *b"absent");
        Ok::<_, GetterError>(Answers::found(found.map(|key| (key.clone(), key.to_vec()))))
    });
    let node = lonely_node().await;
    for builder in [node.group("g", MIB, getter), node.group("h", MIB, together)] {
        let group = builder.store(Fragile).build().unwrap();
        let outcomes = group.get_many(["a", "absent", "b"]).await;
        assert_eq!(*outcomes[0].as_ref().unwrap(), "a");
        assert!(outcomes[1].is_err());
        assert_eq!(*outcomes[2].as_ref().unwrap(), "b");
    }
}

#[tokio::test]
async fn peeks_find_copies_at_the_owners_and_load_nothing_elsewhere() {
    for &protocol in Protocol::ALL {
        use Protocol::{Galaxycache, GalaxycacheGrpc, Native};
        let peeks = matches!(protocol, Native | Galaxycache | GalaxycacheGrpc);
        let cluster = cluster_of(2, protocol).await;
        let groups = unmirrored(&cluster, Calls::default().echo());
        let mut many = keys_owned_by(&cluster, 1, 4);
        groups[1].get(&many[0]).await.unwrap();
        groups[1].get(&many[1]).await.unwrap();
        many.push(many[0].clone());
        many.push(cluster.key_owned_by(0, "own"));

        let options = GetOptions::default().mode(Mode::Peek);
        let outcomes = groups[0].get_many_with_options(&many, options).await;
        let is_found = outcomes.iter().map(Result::is_ok).collect::<Vec<_>>();
        let expected = [peeks, peeks, false, false, peeks, false];
        assert_eq!(is_found, expected, "{protocol}");
        assert_eq!(outcomes[2].as_ref().unwrap_err().is_unsupported(), !peeks);
        assert!(outcomes[5].as_ref().unwrap_err().is_not_found());
        assert_eq!(getter_calls(&groups), 2);

        let options = options.mode(Mode::NoPeerLoad);
        let outcomes = groups[0].get_many_with_options(&many, options).await;
        let fetched = outcomes
            .iter()
            .filter(|outcome| outcome.as_ref().unwrap().source() == Source::Peer);
        assert_eq!(fetched.count(), if peeks { 3 } else { 0 }, "{protocol}");
        assert_eq!(groups[1].stats().getter_calls, 2, "{protocol}");
        assert_eq!(groups[0].stats().getter_calls, if peeks { 3 } else { 5 });
        assert_adds_up(&groups[0].stats(), 12);
    }
}

#[tokio::test]
async fn a_removal_during_a_get_of_many_keeps_the_old_values_out() {
    let (calls, gate) = (Calls::default(), Gate::closed());
    let cluster = Cluster::start(2).await.unwrap();
    let groups = cluster.group("g", MIB, calls.gated(&gate)).unwrap();
    let many = keys_owned_by_each(&cluster, 2);
    let mut get = Box::pin(groups[0].get_many(&many));
    begun(&mut get).await;
    gate.arrivals(4).await;
    groups[0].remove_many(&many).await.unwrap();
    gate.open(4);
    assert!(
        get.await.iter().all(Result::is_ok),
        "who has begun before may get the old value"
    );
    assert!(groups.iter().all(|group| group.stats().entries == 0));
    gate.open(4);
    assert_all(&groups[0], &many).await;
    assert_eq!(calls.count(), 8);
}

#[derive(Clone, Debug)]
enum Step {
    Many(usize, Vec<u8>),
    Single(usize, u8),
    Remove(usize, u8),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0..3_usize, prop::collection::vec(0..30_u8, 0..20))
            .prop_map(|(node, keys)| Step::Many(node, keys)),
        (0..3_usize, 0..30_u8).prop_map(|(node, key)| Step::Single(node, key)),
        (0..3_usize, 0..30_u8).prop_map(|(node, key)| Step::Remove(node, key)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// A get of many keys has the outcomes, and costs the loads, of single gets of the same keys.
    #[test]
    fn a_get_of_many_is_as_good_as_single_gets(steps in prop::collection::vec(step(), 1..15)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut clusters = Vec::new();
            for _ in 0..2 {
                let cluster = Cluster::builder(3).in_process().start().await.unwrap();
                let getter = |key: Key| async move {
                    match key.parse::<u8>()? % 5 {
                        0 => Err(GetterError::from(NotFound)),
                        _ => Ok(key.to_vec()),
                    }
                };
                let groups = unmirrored(&cluster, getter);
                clusters.push((cluster, groups));
            }
            let [(_, together), (_, alone)] = &clusters[..] else { unreachable!() };
            for step in steps {
                let mut outcomes = [Vec::new(), Vec::new()];
                match step {
                    Step::Many(node, mut keys) => {
                        keys.dedup();
                        let keys: Vec<Key> = keys.into_iter().map(Key::from).collect();
                        outcomes[0] = together[node].get_many(&keys).await;
                        outcomes[1] = join_all(keys.iter().map(|key| alone[node].get(key))).await;
                    }
                    Step::Single(node, key) => {
                        outcomes[0] = vec![together[node].get(Key::from(key)).await];
                        outcomes[1] = vec![alone[node].get(Key::from(key)).await];
                    }
                    Step::Remove(node, key) => {
                        together[node].remove(Key::from(key)).await.unwrap();
                        alone[node].remove(Key::from(key)).await.unwrap();
                    }
                }
                let outcomes = outcomes.map(|outcomes| {
                    let outcomes = outcomes.into_iter();
                    outcomes.map(|outcome| outcome.map_err(|error| error.kind())).collect::<Vec<_>>()
                });
                assert_eq!(outcomes[0], outcomes[1]);
            }
            for (together, alone) in together.iter().zip(alone) {
                let (together, alone) = (together.stats(), alone.stats());
                assert_eq!(together.gets, alone.gets);
                assert_eq!(together.getter_calls, alone.getter_calls);
                assert_eq!(together.fetched, alone.fetched);
                assert_eq!(together.main_hits, alone.main_hits);
                assert_eq!(together.entries, alone.entries);
                assert_eq!(together.not_found, alone.not_found);
            }
        });
    }
}
