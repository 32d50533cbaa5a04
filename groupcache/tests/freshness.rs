//! What happens around the end of a value's freshness: refreshes ahead of it, and the last resort after it.

mod common;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use common::database::{Database, Mood};
use common::{Calls, Gate, MIB, getter_calls, lonely_node_at, until};
use groupcache::testing::Cluster;
use groupcache::{
    Always, GetOptions, Group, GroupBuilder, Key, ManualClock, Mode, Never, Node, Promoter,
    Protocol, Source, Value,
};
use parking_lot::Mutex;

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);

fn in_mode(mode: Mode) -> GetOptions {
    GetOptions::default().mode(mode)
}

async fn group_at(
    clock: &ManualClock,
    database: &Database,
    settings: impl FnOnce(GroupBuilder) -> GroupBuilder,
) -> Group {
    let node = lonely_node_at(clock).await;
    let group = node.group("g", MIB, database.getter());
    settings(group.ttl(60 * SECOND).ttl_jitter(Duration::ZERO))
        .build()
        .unwrap()
}

/// A cluster with one clock, and a group on each node.
async fn cluster_at(
    clock: &ManualClock,
    database: &Database,
    settings: impl Fn(GroupBuilder) -> GroupBuilder,
) -> (Cluster, Vec<Group>) {
    cluster_over(Protocol::Native, clock, database, settings).await
}

async fn cluster_over(
    protocol: Protocol,
    clock: &ManualClock,
    database: &Database,
    settings: impl Fn(GroupBuilder) -> GroupBuilder,
) -> (Cluster, Vec<Group>) {
    let shared = clock.clone();
    let cluster = Cluster::builder(3).protocol(protocol);
    let cluster = cluster.configure(move |node| node.clock(shared.clone()));
    let cluster = cluster.start().await.unwrap();
    let groups = cluster.group_with("g", MIB, database.getter(), |group| {
        settings(group.ttl(60 * SECOND).ttl_jitter(Duration::ZERO))
    });
    (cluster, groups.unwrap())
}

/// A cluster whose database is down. Its first node owns the keys, and their values have expired.
struct Outage {
    database: Database,
    cluster: Cluster,
    groups: Vec<Group>,
    keys: [String; 2],
}

impl Outage {
    /// The values had been fetched by the node `asker`.
    async fn after_gets_by(asker: usize, promoter: impl Promoter + Clone) -> Self {
        Self::over(Protocol::Native, asker, promoter).await
    }

    async fn over(protocol: Protocol, asker: usize, promoter: impl Promoter + Clone) -> Self {
        let (clock, database) = (ManualClock::new(), Database::default());
        let (cluster, groups) = cluster_over(protocol, &clock, &database, |group| {
            group.promoter(promoter.clone()).stale_if_error(HOUR)
        })
        .await;
        let keys = ["a", "b"].map(|prefix| cluster.key_owned_by(0, prefix));
        for outcome in groups[asker].get_many(&keys).await {
            outcome.unwrap();
        }
        clock.advance(61 * SECOND);
        database.is(Mood::Fails);
        Self {
            database,
            cluster,
            groups,
            keys,
        }
    }

    async fn source(&self, node: usize) -> Source {
        self.groups[node]
            .entry(&self.keys[0])
            .await
            .unwrap()
            .source()
    }
}

fn is_idle(node: &Node) -> bool {
    let report = node.report();
    report
        .groups
        .iter()
        .all(|group| group.flights.fetches + group.flights.loads == 0)
}

#[tokio::test]
async fn an_expired_value_is_the_last_resort_of_a_get_whose_load_fails() {
    for mood in [Mood::Fails, Mood::Panics] {
        let (clock, database) = (ManualClock::new(), Database::default());
        let group = group_at(&clock, &database, |group| group.stale_if_error(HOUR)).await;
        group.get("k").await.unwrap();
        clock.advance(61 * SECOND);
        database.is(mood);
        for get in [
            group.entry("k").await,
            group.get_with_options("k", in_mode(Mode::NoPeerLoad)).await,
            group
                .get_many_with_options(["k"], GetOptions::default())
                .await
                .remove(0),
        ] {
            let entry = get.unwrap();
            assert_eq!(
                (entry.value(), entry.source()),
                (&"k 1".into(), Source::Stale)
            );
        }
        assert_eq!(group.stats().stale_hits, 3);
        assert!(group.get("other").await.is_err());

        clock.advance(HOUR);
        assert!(group.get("k").await.is_err(), "the window is over");
    }
}

#[tokio::test]
async fn a_load_that_succeeds_is_waited_for_in_place_of_the_last_resort() {
    let (clock, database) = (ManualClock::new(), Database::default());
    let group = group_at(&clock, &database, |group| group.stale_if_error(HOUR)).await;
    group.get("k").await.unwrap();
    clock.advance(61 * SECOND);
    let peeked = group.get_with_options("k", in_mode(Mode::Peek)).await;
    assert!(
        peeked.unwrap_err().is_not_found(),
        "a peek is no last resort"
    );
    assert_eq!(group.get("k").await.unwrap(), "k 2");
}

#[tokio::test]
async fn not_found_and_removals_leave_no_last_resort() {
    let (clock, database) = (ManualClock::new(), Database::default());
    let group = group_at(&clock, &database, |group| group.stale_if_error(HOUR)).await;
    for key in ["gone", "removed"] {
        group.get(key).await.unwrap();
    }
    clock.advance(61 * SECOND);
    database.is(Mood::HasNothing);
    assert!(group.get("gone").await.unwrap_err().is_not_found());
    group.remove("removed").await.unwrap();
    until(|| group.stats().entries == 0).await;
    database.is(Mood::Fails);
    for key in ["gone", "removed"] {
        assert!(group.get(key).await.unwrap_err().is_getter());
    }
}

#[tokio::test]
async fn an_owner_gives_its_last_resort_to_the_others() {
    let outage = Outage::after_gets_by(1, Never).await;
    let (groups, keys) = (&outage.groups, &outage.keys);
    let got = groups[1].get(&keys[0]).await.unwrap();
    assert_eq!(got, format!("{} 1", keys[0]));
    for outcome in groups[2].get_many(keys).await {
        outcome.unwrap();
    }
    for group in &groups[1..] {
        assert_eq!(group.stats().entries, 0, "it is kept nowhere else");
    }
}

#[tokio::test]
async fn a_mirror_is_the_last_resort_when_owner_and_database_are_gone() {
    let outage = Outage::after_gets_by(1, Always).await;
    outage.cluster.kill(0);
    assert_eq!(outage.source(1).await, Source::Stale);
}

#[tokio::test]
async fn a_value_that_is_asked_for_is_refreshed_before_its_end_and_nobody_waits() {
    let (clock, database) = (ManualClock::new(), Database::default());
    let group = group_at(&clock, &database, |group| group.refresh_ahead(20 * SECOND)).await;
    let keys: Vec<_> = (0..200).map(|n| format!("k{n}")).collect();
    for key in keys.iter().chain([&"idle".to_owned()]) {
        group.get(key).await.unwrap();
    }
    let mut refreshed_at = HashSet::new();
    for second in 1..60 {
        clock.advance(SECOND);
        let before = database.count();
        for key in &keys {
            assert_eq!(group.entry(key).await.unwrap().source(), Source::Main);
        }
        until(|| group.stats().refreshes + 201 == database.count()).await;
        if database.count() > before {
            refreshed_at.insert(second);
        }
    }
    assert_eq!(
        database.count(),
        201 + 200,
        "each once, and not the idle one"
    );
    assert!(
        refreshed_at.iter().all(|second| *second > 40),
        "{refreshed_at:?}"
    );
    assert!(
        refreshed_at.len() > 10,
        "all over the time: {refreshed_at:?}"
    );
}

#[tokio::test]
async fn a_mirrored_key_is_refreshed_ahead_by_one_load_of_the_cluster() {
    let (clock, database) = (ManualClock::new(), Database::default());
    let settings = |group: GroupBuilder| group.promoter(Always).refresh_ahead(20 * SECOND);
    let (cluster, groups) = cluster_at(&clock, &database, settings).await;
    let keys: Vec<_> = (0..20)
        .map(|n| cluster.key_owned_by(n % 3, &format!("{n}-")))
        .collect();
    let get_all = async || {
        for (group, key) in groups
            .iter()
            .flat_map(|group| keys.iter().map(move |key| (group, key)))
        {
            group.get(key).await.unwrap();
        }
    };
    get_all().await;
    for half in 0..119 {
        clock.advance(SECOND / 2);
        get_all().await;
        until(|| cluster.nodes().iter().all(is_idle)).await;
        assert!(getter_calls(&groups) <= 40, "at {half}");
    }
    let fresh_for = |group: &Group, key: &String| {
        let cached = group.inspect(key).unwrap();
        cached.fresh_for.unwrap()
    };
    for (group, key) in groups
        .iter()
        .flat_map(|group| keys.iter().map(move |key| (group, key)))
    {
        assert!(
            fresh_for(group, key) > 20 * SECOND,
            "all nodes have the new value"
        );
    }
    assert_eq!(getter_calls(&groups), 40);
    let gets = groups
        .iter()
        .map(|group| group.stats().peer_gets)
        .sum::<u64>();
    assert!(gets < 400, "{gets}: mirrors do not ask all the time");
}

#[tokio::test]
async fn a_value_of_a_short_life_is_not_refreshed_ahead() {
    let (clock, calls) = (ManualClock::new(), Calls::default());
    let counted = calls.clone();
    let node = lonely_node_at(&clock).await;
    let group = node.group("g", MIB, move |_: Key| {
        counted.add_one();
        async { Ok::<_, std::convert::Infallible>(Value::from("v").expires_in(39 * SECOND)) }
    });
    let group = group.refresh_ahead(20 * SECOND).build().unwrap();
    for _ in 0..10 * 38 {
        group.get("k").await.unwrap();
        clock.advance(SECOND / 10);
    }
    assert_eq!((group.stats().refreshes, calls.count()), (0, 1));
}

#[tokio::test]
async fn a_new_value_that_may_not_be_kept_takes_the_old_one_along() {
    let (clock, calls) = (ManualClock::new(), Calls::default());
    let counted = calls.clone();
    let node = lonely_node_at(&clock).await;
    let group = node.group("g", MIB, move |_: Key| {
        let life = if counted.add_one() == 1 {
            60 * SECOND
        } else {
            Duration::ZERO
        };
        async move { Ok::<_, std::convert::Infallible>(Value::from("v").expires_in(life)) }
    });
    let group = group.stale_while_revalidate(HOUR).stale_if_error(HOUR);
    let group = group.build().unwrap();
    group.get("k").await.unwrap();
    clock.advance(61 * SECOND);
    assert_eq!(group.entry("k").await.unwrap().source(), Source::Stale);
    until(|| group.stats().entries == 0).await;
    assert_eq!(group.entry("k").await.unwrap().source(), Source::Origin);
}

#[tokio::test]
async fn an_owners_last_resort_leaves_the_copies_of_the_same_value_where_they_are() {
    let outage = Outage::after_gets_by(1, Always).await;
    assert_eq!(outage.source(1).await, Source::Peer);
    outage.cluster.kill(0);
    assert_eq!(outage.source(1).await, Source::Stale);
}

#[tokio::test]
async fn with_not_found_the_last_resorts_of_mirrors_go_too() {
    let outage = Outage::after_gets_by(1, Always).await;
    let (groups, keys) = (&outage.groups, &outage.keys);
    outage.database.is(Mood::HasNothing);
    assert!(groups[1].get(&keys[0]).await.unwrap_err().is_not_found());
    let several = groups[1].get_many([&keys[1]]).await;
    assert!(several[0].as_ref().unwrap_err().is_not_found());
    outage.database.is(Mood::Fails);
    for group in groups {
        for key in keys {
            assert!(group.get(key).await.unwrap_err().is_getter());
        }
    }
}

#[tokio::test]
async fn a_peer_that_could_not_tell_a_last_resort_from_a_fresh_value_gets_none() {
    for protocol in [Protocol::Golang, Protocol::Mailgun] {
        let outage = Outage::over(protocol, 0, Never).await;
        let refused = outage.groups[1].get(&outage.keys[0]).await;
        assert!(refused.unwrap_err().is_getter(), "{protocol}");
        assert_eq!(outage.source(0).await, Source::Stale);
    }
}

#[tokio::test]
async fn a_warm_up_that_loads_nothing_fails_though_there_is_a_last_resort() {
    let outage = Outage::after_gets_by(0, Never).await;
    for group in &outage.groups {
        let refused = group.warm_up(&outage.keys[0]).await;
        assert!(refused.unwrap_err().is_getter());
    }
}

#[tokio::test]
async fn only_so_many_values_are_refreshed_at_once_and_the_others_are_served() {
    let (clock, gate, calls) = (ManualClock::new(), Gate::closed(), Calls::default());
    let node = lonely_node_at(&clock).await;
    let group = node.group("g", MIB, calls.gated(&gate));
    let group = group
        .ttl(SECOND)
        .stale_while_revalidate(HOUR)
        .max_refreshes(3);
    let group = group.build().unwrap();
    let keys: Vec<_> = (0..10).map(|n| n.to_string()).collect();
    gate.open(10);
    for key in &keys {
        group.get(key).await.unwrap();
    }
    clock.advance(2 * SECOND);
    for _ in 0..3 {
        for key in &keys {
            assert_eq!(group.entry(key).await.unwrap().source(), Source::Stale);
        }
    }
    gate.arrivals(13).await;
    assert_eq!(group.stats().refreshes, 3);
    gate.open(usize::MAX >> 8);
    until(|| {
        keys.iter()
            .all(|key| group.inspect(key).unwrap().source == Source::Main)
            || {
                keys.iter()
                    .for_each(|key| drop(futures_util::FutureExt::now_or_never(group.get(key))));
                false
            }
    })
    .await;
    assert_eq!(calls.count(), 20);
}

#[tokio::test]
async fn values_that_were_loaded_together_do_not_expire_together() {
    let clock = ManualClock::new();
    let node = lonely_node_at(&clock).await;
    let seen = Arc::new(Mutex::new(HashSet::new()));
    let loads = Arc::clone(&seen);
    let group = node.group("g", 16 * MIB, move |key: Key| {
        let is_new = loads.lock().insert(key.clone());
        async move { Ok::<_, std::convert::Infallible>(if is_new { "old" } else { "new" }) }
    });
    let group = group.ttl(100 * SECOND).build().unwrap();
    let keys: Vec<_> = (0..10_000).map(|n: u32| n.to_string()).collect();
    for key in &keys {
        group.get(key).await.unwrap();
    }
    clock.advance(90 * SECOND);
    let mut before = 10_000;
    for second in 90..100 {
        let loads = group.stats().getter_calls - before;
        assert!(loads < 1_300, "{loads} of 10,000 at {second} s");
        before = group.stats().getter_calls;
        clock.advance(SECOND);
        for key in &keys {
            group.get(key).await.unwrap();
        }
    }
    assert_eq!(group.stats().getter_calls, 20_000);
}
