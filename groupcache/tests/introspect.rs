//! Looks at what a node has in memory, removals by such looks, and what hears of evictions.

mod common;

use std::collections::{HashMap, HashSet};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use common::{Calls, Gate, MIB, cluster_of, lonely_node, lonely_node_at, until};
use groupcache::testing::{Cluster, MapStore};
use groupcache::{Always, EvictionCause, Group, Key, ManualClock, Never, Protocol, Source};
use parking_lot::Mutex;

#[tokio::test]
async fn a_look_tells_what_is_in_memory_and_asks_nobody() {
    let clock = ManualClock::new();
    let node = lonely_node_at(&clock).await;
    let calls = Calls::default();
    let group = node.group("g", MIB, calls.echo());
    let group = group
        .ttl(Duration::from_secs(60))
        .ttl_jitter(Duration::ZERO)
        .stale_while_revalidate(Duration::from_secs(30));
    let group = group.build().unwrap();
    assert!(group.inspect("k").is_none() && !group.contains("k"));
    assert_eq!(calls.count(), 0);
    group.get("k").await.unwrap();
    clock.advance(Duration::from_secs(10));

    let cached = group.inspect("k").unwrap();
    assert_eq!((cached.key, cached.source), (Key::from("k"), Source::Main));
    assert_eq!(cached.value, "value of k");
    let near = |time: Option<Duration>, seconds: u64| {
        let exact = Duration::from_secs(seconds);
        let time = time.unwrap();
        assert!(
            time.abs_diff(exact) < Duration::from_millis(100),
            "{time:?}"
        );
    };
    near(cached.age, 10);
    near(cached.fresh_for, 50);
    near(cached.kept_for, 80);
    assert_eq!(cached.bytes, group.usage().bytes);

    clock.advance(Duration::from_secs(55));
    let stale = group.inspect("k").unwrap();
    assert_eq!(
        (stale.source, stale.fresh_for),
        (Source::Stale, Some(Duration::ZERO))
    );
    assert!(group.contains("k"));
    clock.advance(Duration::from_secs(30));
    assert!(!group.contains("k") && group.entries().next().is_none());
    assert_eq!(
        (calls.count(), group.stats().gets),
        (1, 1),
        "a look refreshes nothing"
    );
}

#[tokio::test]
async fn entries_are_own_values_and_mirrors() {
    let cluster = Cluster::start(2).await.unwrap();
    let groups = cluster
        .group_with("g", MIB, Calls::default().echo(), |group| {
            group.promoter(Always)
        })
        .unwrap();
    for n in 0..200 {
        groups[0].get(format!("k{n}")).await.unwrap();
    }
    let sources: HashMap<Key, Source> = groups[0]
        .entries()
        .map(|cached| (cached.key, cached.source))
        .collect();
    assert_eq!(sources.len(), 200);
    for (key, source) in sources {
        let expected = if cluster.owner(&key) == 0 {
            Source::Main
        } else {
            Source::Hot
        };
        assert_eq!(source, expected);
    }
    assert_eq!(groups[0].keys(10).len(), 10);
    assert_eq!(groups[0].keys(usize::MAX).len(), 200);
}

#[tokio::test]
async fn a_group_without_memory_has_no_entries_and_a_store_of_ones_own_lists_its_keys() {
    let node = lonely_node().await;
    let empty = node
        .group("empty", 0, Calls::default().echo())
        .build()
        .unwrap();
    empty.get("k").await.unwrap();
    assert!(empty.entries().next().is_none() && !empty.contains("k"));

    let own = node
        .group("own", MIB, Calls::default().echo())
        .store(MapStore::default());
    let own = own
        .ttl(Duration::from_secs(60))
        .ttl_jitter(Duration::ZERO)
        .build()
        .unwrap();
    own.get_many(["a", "b", "c"]).await;
    let keys: HashSet<_> = own.keys(100).into_iter().collect();
    assert_eq!(keys, ["a", "b", "c"].map(Key::from).into());
    let cached = own.inspect("a").unwrap();
    assert_eq!((cached.age, cached.bytes), (None, 1 + "value of a".len()));
    assert_eq!(own.invalidate_if(|cached| cached.key != Key::from("b")), 2);
    assert_eq!(own.keys(100), [Key::from("b")]);
}

#[tokio::test]
async fn invalidate_if_drops_what_matches_here_and_fences_its_loads() {
    let (clock, gate) = (ManualClock::new(), Gate::closed());
    let node = lonely_node_at(&clock).await;
    let group = node.group("g", MIB, Calls::default().gated(&gate));
    let (ttl, stale) = (Duration::from_secs(1), Duration::from_secs(60));
    let group = group.ttl(ttl).stale_while_revalidate(stale);
    let group = group.build().unwrap();
    gate.open(3);
    group.get_many(["a1", "a2", "b1"]).await;
    gate.arrivals(3).await;
    assert_eq!(
        group.invalidate_if(|cached| cached.key.starts_with(b"a")),
        2
    );
    assert!(!group.contains("a1") && !group.contains("a2") && group.contains("b1"));

    // A stale value, whose refresh begins before it is dropped, and ends after.
    clock.advance(2 * ttl);
    group.get("b1").await.unwrap();
    gate.arrival().await;
    assert_eq!(group.invalidate_if(|_| true), 1);
    gate.open(1);
    until(|| {
        let report = node.report();
        let flights = &report.groups[0].flights;
        flights.fetches + flights.loads == 0
    })
    .await;
    assert!(!group.contains("b1"), "the old load stores nothing");
}

#[tokio::test]
async fn remove_if_removes_what_this_node_knows_of_on_every_node() {
    for &protocol in Protocol::ALL {
        let cluster = cluster_of(3, protocol).await;
        let calls = Calls::default();
        let groups = cluster
            .group_with("g", 16 * MIB, calls.echo(), |group| group.promoter(Always))
            .unwrap();
        for n in 0..2500 {
            let key = format!("{}-{n}", ["user", "page"][n % 2]);
            groups[0].get(&key).await.unwrap();
        }
        groups[1].get("user-elsewhere").await.unwrap();
        let elsewhere = groups[0].contains("user-elsewhere");
        let removed = groups[0]
            .remove_if(|cached| cached.key.starts_with(b"user"))
            .await;
        match removed {
            Ok(removed) => assert_eq!(removed, 1250 + usize::from(elsewhere), "{protocol}"),
            Err(error) => assert!(error.is_unsupported(), "{protocol}: {error}"),
        }
        let left = |group: &Group| {
            let users = group
                .entries()
                .filter(|cached| cached.key.starts_with(b"user"));
            users
                .filter(|cached| cached.key != Key::from("user-elsewhere"))
                .count()
        };
        assert_eq!(left(&groups[0]), 0, "{protocol}");
        if protocol == Protocol::Native {
            assert_eq!(groups.iter().map(left).sum::<usize>(), 0);
            assert!(groups[0].contains("page-1"));
        }
    }
}

#[tokio::test]
async fn remove_if_names_the_peers_that_it_did_not_reach_and_a_panic_harms_nobody() {
    let cluster = Cluster::start(2).await.unwrap();
    let groups = cluster
        .group_with("g", 16 * MIB, Calls::default().echo(), |group| {
            group.promoter(Never)
        })
        .unwrap();
    let keys: Vec<_> = (0..2000)
        .map(|n| cluster.key_owned_by(0, &format!("k{n}-")))
        .collect();
    groups[0].get_many(&keys).await;
    let group = groups[0].clone();
    let panicked = tokio::spawn(async move { group.remove_if(|_| panic!("a bug")).await });
    assert!(panicked.await.unwrap_err().is_panic());
    assert_eq!(groups[0].entries().count(), 2000);

    cluster.kill(1);
    let error = groups[0].remove_if(|_| true).await.unwrap_err();
    assert_eq!(error.failed_peers().len(), 1);
    assert_eq!(groups[0].entries().count(), 0, "this node has removed them");
}

#[tokio::test]
async fn what_hears_of_evictions_hears_of_each_and_may_panic() {
    type Heard = Arc<Mutex<Vec<(Key, String, EvictionCause)>>>;
    let heard = Heard::default();
    let hears = Arc::clone(&heard);
    let clock = ManualClock::new();
    let node = lonely_node_at(&clock).await;
    let group = node
        .group("g", MIB, Calls::default().echo())
        .ttl(Duration::from_secs(60))
        .ttl_jitter(Duration::ZERO)
        .on_evicted(move |key, value, cause| {
            let text = String::from_utf8_lossy(value).into_owned();
            hears.lock().push((key.clone(), text, cause));
            assert!(key != &Key::from("panic"), "a bug of the user's");
        })
        .build()
        .unwrap();
    let causes = || -> Vec<_> {
        let heard = std::mem::take(&mut *heard.lock());
        heard
            .into_iter()
            .map(|(key, _, cause)| (key, cause))
            .collect()
    };
    group.get_many(["a", "panic", "c"]).await;
    assert_eq!(causes(), []);
    group.set("a", "new").await.unwrap();
    assert_eq!(causes(), [("a".into(), EvictionCause::Replaced)]);
    group.remove("panic").await.unwrap();
    assert_eq!(causes(), [("panic".into(), EvictionCause::Removed)]);
    clock.advance(Duration::from_secs(61));
    group.get("a").await.unwrap();
    assert_eq!(causes(), [("a".into(), EvictionCause::Expired)]);
    group.clear().await.unwrap();
    let mut cleared = causes();
    cleared.sort_by(|(one, _), (other, _)| one.cmp(other));
    let expected = ["a", "c"].map(|key| (Key::from(key), EvictionCause::Cleared));
    assert_eq!(cleared, expected);
    for n in 0..20_000 {
        group.get(format!("k{n}")).await.unwrap();
    }
    let evictions = causes();
    assert_eq!(evictions.len() as u64, group.stats().evictions);
    assert!(
        evictions
            .iter()
            .all(|(_, cause)| *cause == EvictionCause::MadeRoom)
    );
}

#[tokio::test]
async fn a_listener_and_a_store_of_ones_own_contradict_each_other() {
    let node = lonely_node().await;
    let group = node.group("g", MIB, |_: Key| async { Ok::<_, Infallible>("") });
    let group = group.store(MapStore::default()).on_evicted(|_, _, _| {});
    let error = group.build().unwrap_err();
    assert!(
        error.is_configuration() && error.to_string().contains("on_evicted"),
        "{error}"
    );
    let group = node.group("g", MIB, |_: Key| async { Ok::<_, Infallible>("") });
    let error = group.hot_keys(1025).build().unwrap_err();
    assert!(error.to_string().contains("hot_keys"), "{error}");
}
