//! Checks which keys become hot by each promoter's rule, and how rates travel between nodes.

mod common;

use std::sync::Arc;
use std::time::Duration;

use common::{Calls, MIB, until};
use groupcache::testing::Cluster;
use groupcache::{
    ByRate, Candidate, Group, GroupBuilder, ManualClock, Never, OwnerMeasured, Protocol,
    SeenBefore, Source,
};
use parking_lot::Mutex;

const MINUTE: Duration = Duration::from_secs(60);

/// Nodes that call each other as functions, and their common clock.
async fn in_process(nodes: usize) -> (Cluster, ManualClock) {
    let clock = ManualClock::new();
    let shown = clock.clone();
    let cluster = Cluster::builder(nodes)
        .in_process()
        .configure(move |node| node.clock(shown.clone()))
        .start()
        .await
        .unwrap();
    (cluster, clock)
}

fn groups(cluster: &Cluster, configure: impl Fn(GroupBuilder) -> GroupBuilder) -> Vec<Group> {
    cluster
        .group_with("g", MIB, Calls::default().echo(), configure)
        .unwrap()
}

async fn source(group: &Group, key: &str) -> Source {
    group.entry(key).await.unwrap().source()
}

/// The rates of each candidate that a promoter was shown: the owner's and this node's. The promoter
/// mirrors nothing.
type Shown = Arc<Mutex<Vec<(Option<f64>, f64)>>>;

fn watching(shown: &Shown) -> impl Fn(GroupBuilder) -> GroupBuilder + use<> {
    let shown = Arc::clone(shown);
    move |group| {
        let shown = Arc::clone(&shown);
        group.promoter(move |candidate: &Candidate<'_>| {
            let rates = (candidate.owner_minute_qps(), candidate.local_minute_qps());
            shown.lock().push(rates);
            false
        })
    }
}

#[tokio::test]
async fn seen_before_mirrors_at_the_second_fetch_unless_the_first_is_long_past() {
    let (cluster, clock) = in_process(2).await;
    let groups = groups(&cluster, |group| {
        group.promoter(SeenBefore).candidate_idle(2 * MINUTE)
    });
    let key = cluster.key_owned_by(1, "k");
    assert_eq!(source(&groups[0], &key).await, Source::Peer);
    clock.advance(3 * MINUTE);
    assert_eq!(source(&groups[0], &key).await, Source::Peer);
    clock.advance(MINUTE);
    assert_eq!(source(&groups[0], &key).await, Source::Peer);
    assert_eq!(source(&groups[0], &key).await, Source::Hot);
}

#[tokio::test]
async fn by_rate_mirrors_what_is_fetched_often_enough_and_not_what_is_fetched_slowly() {
    let (cluster, clock) = in_process(2).await;
    let groups = groups(&cluster, |group| group.promoter(ByRate::per_minute(10.0)));
    let (fast, slow) = (
        cluster.key_owned_by(1, "fast"),
        cluster.key_owned_by(1, "slow"),
    );
    // One a second: with what fades meanwhile, the eleventh makes it ten a minute.
    let mut fetches = 0;
    while source(&groups[0], &fast).await == Source::Peer {
        fetches += 1;
        clock.advance(Duration::from_secs(1));
    }
    assert_eq!(fetches, 11);

    // Six a minute, for ever.
    for _ in 0..100 {
        assert_eq!(source(&groups[0], &slow).await, Source::Peer);
        clock.advance(Duration::from_secs(10));
    }
}

#[tokio::test]
async fn the_owner_counts_the_requests_of_all_nodes_and_tells_each() {
    for protocol in Protocol::ALL {
        let shown = Shown::default();
        let clock = ManualClock::new();
        let shared = clock.clone();
        let cluster = Cluster::builder(3)
            .protocol(*protocol)
            .configure(move |node| node.clock(shared.clone()))
            .start()
            .await
            .unwrap();
        let groups = groups(&cluster, watching(&shown));
        let key = cluster.key_owned_by(2, "k");
        for n in [0, 1, 0, 1, 0] {
            groups[n].get(&key).await.unwrap();
        }
        let rates = [(1.0, 1.0), (2.0, 1.0), (3.0, 2.0), (4.0, 2.0), (5.0, 3.0)];
        // Two protocols send nothing but the value's bytes.
        let says = !matches!(protocol, Protocol::Ipronko | Protocol::Galaxycache);
        let rates = rates.map(|(owner, local)| (says.then_some(owner), local));
        assert_eq!(*shown.lock(), rates, "{protocol}");

        clock.advance(MINUTE);
        groups[1].get(&key).await.unwrap();
        let (owner, local) = shown.lock()[5];
        let faded = |count: f64| count * (-1.0_f64).exp() + 1.0;
        if let Some(owner) = owner {
            assert!((owner - faded(5.0)).abs() < 1e-3, "{owner}");
        }
        assert!((local - faded(2.0)).abs() < 1e-3, "{local}");
    }
}

#[tokio::test]
async fn the_owners_own_hits_count_too() {
    let shown = Shown::default();
    let (cluster, _clock) = in_process(2).await;
    let groups = groups(&cluster, watching(&shown));
    let key = cluster.key_owned_by(1, "k");
    for _ in 0..1600 {
        groups[1].get(&key).await.unwrap();
    }
    groups[0].get(&key).await.unwrap();
    let owner = shown.lock()[0].0.unwrap();
    assert!((1500.0..1700.0).contains(&owner), "{owner}");
}

/// Fills a node's hot part with mirrors of keys that are fetched now and then, until the bar has
/// adapted to their rates.
async fn settle(cluster: &Cluster, clock: &ManualClock, group: &Group) {
    let mine: Vec<_> = (0..6000)
        .map(|n| format!("m{n}"))
        .filter(|key| cluster.owner(key) == 0)
        .collect();
    for key in &mine {
        group.get(key).await.unwrap();
    }
    let theirs: Vec<_> = (0..6000)
        .map(|n| format!("t{n}"))
        .filter(|key| cluster.owner(key) != 0)
        .collect();
    for _ in 0..3 {
        for key in &theirs {
            group.get(key).await.unwrap();
            clock.advance(Duration::from_millis(1));
        }
    }
}

#[tokio::test]
async fn a_hot_key_is_mirrored_at_its_first_sight_and_a_cold_one_is_not() {
    let (cluster, clock) = in_process(3).await;
    let groups = cluster
        .group_with("g", 100_000, Calls::default().echo(), |group| {
            group.promoter(OwnerMeasured::default())
        })
        .unwrap();
    settle(&cluster, &clock, &groups[0]).await;

    let (hot, cold) = (
        cluster.key_owned_by(1, "hot"),
        cluster.key_owned_by(1, "cold"),
    );
    // The owner's callers ask for the hot key; this node has not asked for it yet.
    for _ in 0..2000 {
        groups[1].get(&hot).await.unwrap();
    }
    assert_eq!(source(&groups[0], &cold).await, Source::Peer);
    assert_eq!(source(&groups[0], &hot).await, Source::Peer);
    assert_eq!(source(&groups[0], &cold).await, Source::Peer);
    assert_eq!(source(&groups[0], &hot).await, Source::Hot);
}

#[tokio::test]
async fn as_long_as_there_is_room_everything_is_mirrored_by_default() {
    let (cluster, _clock) = in_process(2).await;
    let groups = groups(&cluster, |group| group);
    for n in 0..100 {
        let key = cluster.key_owned_by(1, &format!("k{n}-"));
        assert_eq!(source(&groups[0], &key).await, Source::Peer);
        assert_eq!(source(&groups[0], &key).await, Source::Hot);
    }
}

#[tokio::test]
async fn an_owner_that_counts_nothing_is_no_obstacle() {
    // The owner does not count a peek, and its reply states no rate.
    let shown = Shown::default();
    let (cluster, _clock) = in_process(2).await;
    let groups = groups(&cluster, watching(&shown));
    let key = cluster.key_owned_by(1, "k");
    groups[1].get(&key).await.unwrap();
    let peek = groupcache::GetOptions::default().mode(groupcache::Mode::Peek);
    groups[0].get_with_options(&key, peek).await.unwrap();
    assert_eq!(*shown.lock(), [(None, 1.0)]);
}

#[tokio::test]
async fn memory_of_candidates_is_bounded() {
    let seen = Arc::new(Mutex::new(0_usize));
    let (cluster, _clock) = in_process(2).await;
    let counted = Arc::clone(&seen);
    let groups = groups(&cluster, move |group| {
        let counted = Arc::clone(&counted);
        let count = move |candidate: &Candidate<'_>| {
            *counted.lock() += usize::from(candidate.seen_before());
            false
        };
        group.candidates(64).promoter(count)
    });
    let keys: Vec<_> = (0..4000)
        .map(|n| format!("k{n}"))
        .filter(|key| cluster.owner(key) == 1)
        .collect();
    for _ in 0..2 {
        for key in &keys {
            groups[0].get(key).await.unwrap();
        }
    }
    let seen = *seen.lock();
    assert!(seen <= 64, "{seen} of {} are remembered", keys.len());
}

#[tokio::test]
async fn a_dead_node_of_a_cluster_in_process_cannot_be_asked() {
    let (cluster, _clock) = in_process(2).await;
    let groups = groups(&cluster, |group| group.promoter(Never));
    let key = cluster.key_owned_by(1, "k");
    assert_eq!(source(&groups[0], &key).await, Source::Peer);
    cluster.kill(1);
    assert_eq!(source(&groups[0], &key).await, Source::Origin);
    until(|| groups[0].stats().peer_errors == 1).await;
}
