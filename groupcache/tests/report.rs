//! What a node tells of itself.

mod common;

use std::convert::Infallible;
use std::time::Duration;

use common::{Calls, Gate, MIB, lonely_node, until};
use groupcache::testing::Cluster;
use groupcache::{
    Always, ErrorKind, FailedStep, Group, GroupReport, Health, Key, Never, Node, NodeReport,
    NotFound, PeerReport, Protocol, Wire,
};

fn peer<'a>(report: &'a NodeReport, node: &Node) -> &'a PeerReport {
    let mut peers = report.ring.peers.iter();
    peers.find(|peer| peer.member == *node.member()).unwrap()
}

/// The outcomes that are all measured agree with the counters.
fn assert_agrees(group: &GroupReport) {
    let GroupReport { stats, gets, .. } = group;
    assert_eq!(gets.peer.count, stats.fetched);
    assert_eq!(gets.origin.count, stats.loaded);
    assert_eq!(gets.not_found.count, stats.not_found);
    assert_eq!(gets.failed.count, stats.failed);
    assert_eq!(group.usage.bytes as u64, stats.bytes);
    assert_eq!(group.usage.entries as u64, stats.entries);
    assert_eq!(group.evictions.made_room, stats.evictions);
    assert_eq!(group.evictions.expired, stats.expirations);
    assert_eq!(group.evictions.too_large, stats.too_large);
}

#[tokio::test]
async fn a_report_agrees_with_the_counters() {
    let cluster = Cluster::start(3).await.unwrap();
    let getter = |key: Key| async move {
        match &*key.to_str_lossy() {
            "absent" => {
                Err::<String, _>(Box::<dyn std::error::Error + Send + Sync>::from(NotFound))
            }
            "bad" => Err("no database".into()),
            key => Ok(format!("value of {key}")),
        }
    };
    let groups = cluster
        .group_with("g", MIB, getter, |group| group.promoter(Always))
        .unwrap();
    cluster
        .group("other", MIB, Calls::default().echo())
        .unwrap();
    for n in 0..200 {
        groups[n % 3].get(format!("k{}", n % 50)).await.unwrap();
    }
    for group in &groups {
        group.get_many(["m1", "m2", "m3", "absent", "bad"]).await;
        group.get("absent").await.unwrap_err();
        group.get("bad").await.unwrap_err();
    }
    groups[0].remove("k1").await.unwrap();
    groups[0].set("k2", "another").await.unwrap();
    groups[1].clear().await.unwrap();

    let mut getter_calls = 0;
    for node in cluster.nodes() {
        let report = node.report();
        assert_eq!(report.member, *node.member());
        assert_eq!(
            (report.protocol, report.version),
            (Protocol::Native, env!("CARGO_PKG_VERSION"))
        );
        assert_eq!(report.stats(), node.groups().iter().map(Group::stats).sum());
        let names: Vec<_> = report.groups.iter().map(|group| &*group.name).collect();
        assert_eq!(names, ["g", "other"]);
        report.groups.iter().for_each(assert_agrees);

        let group = &report.groups[0];
        assert_eq!(group.promoter, Some("always"));
        assert!(group.ring.is_none());
        assert!(group.getter.count >= group.stats.getter_calls);
        assert!(group.value_sizes.count >= group.stats.fetched + group.stats.loaded);
        assert!(group.evictions.cleared > 0 && group.evictions.replaced <= 1);
        assert_eq!((group.flights.fetches, group.flights.loads), (0, 0));
        getter_calls += group.getter.count;

        let asked = report.ring.peers.iter().filter(|peer| !peer.is_this_node());
        for peer in asked {
            assert_eq!((peer.health, peer.in_flight), (Health::Well, 0), "{peer:?}");
            let connections = peer.connections.unwrap();
            assert_eq!((connections.wire, connections.open), (Wire::Stream, 1));
            assert!(peer.failures.is_empty() && !peer.is_behind);
        }
        assert!(report.fetches().count > 0 && report.fetches().p99() > 0);
        assert_eq!(report.peers_down().count(), 0);
        let inbound = report.inbound.unwrap();
        assert!((2..=4).contains(&inbound.open), "{inbound:?}");
        assert!(inbound.accepted >= inbound.open as u64 && inbound.limit > 0);
    }
    let total: u64 = groups.iter().map(|group| group.stats().getter_calls).sum();
    assert_eq!(getter_calls, total);
}

#[tokio::test]
async fn a_dead_peer_is_shown_as_down_with_its_failures() {
    let cluster = Cluster::start(3).await.unwrap();
    let groups = cluster
        .group_with("g", MIB, Calls::default().echo(), |group| {
            group.promoter(Never)
        })
        .unwrap();
    let before = cluster.node(0).report();
    assert_eq!(peer(&before, cluster.node(2)).health, Health::NeverAsked);
    let key = cluster.key_owned_by(2, "k");
    groups[0].get(&key).await.unwrap();
    assert_eq!(
        peer(&cluster.node(0).report(), cluster.node(2)).health,
        Health::Well
    );

    cluster.kill(2);
    for n in 0..20 {
        groups[0]
            .get(cluster.key_owned_by(2, &format!("k{n}-")))
            .await
            .unwrap();
    }
    groups[0].remove(&key).await.unwrap_err();
    let report = cluster.node(0).report();
    let down: Vec<_> = report.peers_down().map(|peer| &peer.member).collect();
    assert_eq!(down, [cluster.node(2).member()]);
    let dead = peer(&report, cluster.node(2));
    assert_eq!(dead.health, Health::LeftAlone);
    assert!(dead.failures_in_a_row > 0 && dead.next_check.is_some());
    assert!((1..=16).contains(&dead.failures.len()));
    assert!(dead.is_behind);
    assert_eq!(peer(&report, cluster.node(1)).health, Health::Well);

    let failure = report.groups[0].failures.last().unwrap();
    assert_eq!(
        (failure.step, failure.kind),
        (FailedStep::Fetch, ErrorKind::Unreachable)
    );
    assert_eq!(failure.peer.as_ref(), Some(cluster.node(2).member()));
    assert!(failure.key.is_some());
    assert!(failure.at.elapsed().unwrap() < Duration::from_secs(60));
}

#[tokio::test]
async fn nodes_find_out_whether_they_have_the_same_ring() {
    let cluster = Cluster::start(3).await.unwrap();
    let fingerprint = |node: usize| cluster.node(node).report().ring.fingerprint;
    let agreed = fingerprint(0);
    assert!(agreed == fingerprint(1) && agreed == fingerprint(2));

    let report = cluster.node(0).report();
    let shares: f64 = report.ring.peers.iter().map(|peer| peer.share).sum();
    assert!((shares - 1.0).abs() < 1e-9, "{shares}");
    assert_eq!((report.ring.hash, report.ring.replicas), ("xxh3", 2048));

    let mut members = cluster.node(1).peers();
    members.reverse();
    cluster.node(1).set_peers(members).unwrap();
    assert_eq!(fingerprint(1), agreed, "another order");
    let gone = cluster.node(2).member().to_string();
    cluster.node(1).remove_peer(&gone).unwrap();
    assert_ne!(fingerprint(1), agreed, "another member");
    assert_eq!(fingerprint(0), agreed);
}

#[tokio::test]
async fn a_picture_of_the_ring_has_the_owners_of_evenly_spaced_points() {
    let cluster = Cluster::start(3).await.unwrap();
    let (node, report) = (cluster.node(0), cluster.node(0).report());
    let picture = node.ring_picture(3600);
    assert_eq!(picture.owners.len(), 3600);
    assert_eq!(picture.members, node.peers());
    for (place, peer) in report.ring.peers.iter().enumerate() {
        let points = picture
            .owners
            .iter()
            .filter(|owner| **owner == place)
            .count();
        let drawn = points as f64 / 3600.0;
        assert!(
            (drawn - peer.share).abs() < 0.05,
            "{drawn} of {}",
            peer.share
        );
    }
    assert!(node.ring_picture(0).owners.is_empty());
    assert_eq!(node.ring_picture(usize::MAX).owners.len(), 65_536);
}

#[tokio::test]
async fn hot_keys_are_listed_by_their_rates_here_and_at_their_owners() {
    let cluster = Cluster::start(2).await.unwrap();
    let groups = cluster
        .group_with("g", MIB, Calls::default().echo(), |group| {
            group.promoter(Never).hot_keys(3)
        })
        .unwrap();
    let (own, others) = (
        cluster.key_owned_by(0, "own"),
        cluster.key_owned_by(1, "other"),
    );
    for _ in 0..200 {
        groups[0].get(&others).await.unwrap();
    }
    for _ in 0..50 {
        groups[1].get(&own).await.unwrap();
    }
    for n in 0..100 {
        groups[0].get(format!("cold{n}")).await.unwrap();
    }
    for (node, owns_it) in [(0, false), (1, true)] {
        let report = cluster.node(node).report();
        let hot = &report.groups[0].hot_keys;
        assert!(hot.len() <= 3);
        assert_eq!(hot[0].key, Key::from(&*others));
        assert!((150.0..=201.0).contains(&hot[0].per_minute), "{hot:?}");
        assert_eq!((hot[0].is_own, hot[0].is_mirrored), (owns_it, false));
        assert_eq!(
            hot[1].key,
            Key::from(&*own),
            "of the asking and of the asked node"
        );
    }
}

#[tokio::test]
async fn a_node_without_peers_lists_hot_keys_too_and_measures_some_hits() {
    let node = lonely_node().await;
    let group = node
        .group("g", MIB, Calls::default().echo())
        .build()
        .unwrap();
    for n in 0..40_000 {
        group
            .get(if n % 4 == 0 { "warm" } else { "hot" })
            .await
            .unwrap();
    }
    let report = &node.report().groups[0];
    let keys: Vec<_> = report.hot_keys.iter().map(|hot| hot.key.clone()).collect();
    assert_eq!(keys, ["hot", "warm"].map(Key::from));
    assert!(
        report
            .hot_keys
            .iter()
            .all(|hot| hot.is_own && !hot.is_mirrored)
    );
    let hot = report.hot_keys[0].per_minute;
    assert!((20_000.0..40_000.0).contains(&hot), "{hot}");
    assert!(
        (20..80).contains(&report.gets.main.count),
        "{:?}",
        report.gets.main
    );
    assert_eq!(report.stats.gets, 40_000, "a measured hit is one get");
}

#[tokio::test]
async fn what_failed_last_is_told_with_its_key_and_hidden_where_keys_are() {
    for hide in [false, true] {
        let node = Node::builder("http://127.0.0.1:1").hide_keys(hide);
        let node = node.start().await.unwrap();
        let getter = |key: Key| async move { Err::<Vec<u8>, _>(format!("no row for {key}")) };
        let group = node.group("g", MIB, getter).failure_pause(Duration::ZERO);
        let group = group.build().unwrap();
        for n in 0..30 {
            group.get(format!("user{n}")).await.unwrap_err();
        }
        let report = node.report();
        let failures = &report.groups[0].failures;
        assert_eq!((failures.len(), report.keys_are_hidden), (16, hide));
        let last = &failures[0];
        assert_eq!(
            (last.step, last.kind),
            (FailedStep::Load, ErrorKind::GetterFailed)
        );
        let key = last.key.clone().unwrap();
        if hide {
            assert!(key.starts_with(b"#") && &*last.text == "getter failed");
        } else {
            assert_eq!(key, Key::from("user29"));
            assert!(last.text.contains("no row for user29"), "{}", last.text);
        }
        assert!(
            report.groups[0]
                .hot_keys
                .iter()
                .all(|hot| hot.key.starts_with(b"#") == hide)
        );
        assert!(format!("{report:?}").contains("user29") != hide);
    }
}

#[tokio::test]
async fn work_under_way_and_paused_keys_are_told() {
    let node = lonely_node().await;
    let (calls, gate) = (Calls::default(), Gate::closed());
    let group = node.group("g", MIB, calls.gated(&gate)).build().unwrap();
    let asking = group.clone();
    let get = tokio::spawn(async move { asking.get("k").await });
    gate.arrival().await;
    let flights = node.report().groups[0].flights;
    assert_eq!(
        (flights.fetches, flights.loads, flights.limit),
        (1, 1, 65_536)
    );
    gate.open(1);
    get.await.unwrap().unwrap();

    let failing = |_: Key| async { Err::<Vec<u8>, _>("no") };
    let failing = node.group("failing", MIB, failing).build().unwrap();
    failing.get("a").await.unwrap_err();
    failing.get("b").await.unwrap_err();
    assert_eq!(node.report().groups[0].paused_keys, 2);
}

#[tokio::test]
async fn a_group_with_members_of_its_own_tells_its_own_ring() {
    let node = lonely_node().await;
    let group = node.group("g", MIB, Calls::default().echo());
    group.peers(["http://127.0.0.1:2"]).build().unwrap();
    let report = node.report();
    let ring = report.groups[0].ring.as_ref().unwrap();
    assert_eq!((ring.peers.len(), report.ring.peers.len()), (2, 1));
    assert_ne!(ring.fingerprint, report.ring.fingerprint);
}

#[tokio::test]
async fn a_report_serializes_with_units_that_its_docs_name() {
    let cluster = Cluster::start(2).await.unwrap();
    let groups = cluster.group("g", MIB, Calls::default().echo()).unwrap();
    groups[0].get(b"\xff\x00").await.unwrap();
    groups[0].get("key").await.unwrap();
    let report = cluster.node(0).report();
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["member"]["url"], cluster.node(0).member().url());
    assert_eq!(json["protocol"], "native");
    assert!(json["uptime"].is_f64() && json["unix_ms"].as_u64() > Some(1_700_000_000_000));
    assert_eq!(
        json["ring"]["fingerprint"],
        format!("{:016x}", report.ring.fingerprint)
    );
    let peers = json["ring"]["peers"].as_array().unwrap();
    assert!(peers.iter().any(|peer| peer["health"] == "this-node"));
    assert!(peers.iter().all(|peer| peer["fetches"]["p99"].is_u64()));
    let group = &json["groups"][0];
    assert_eq!(group["stats"]["gets"], 2);
    let keys: Vec<_> = group["hot_keys"].as_array().unwrap().iter().collect();
    assert!(
        keys.iter().any(|hot| hot["key"] == "\\xff\\x00"),
        "{keys:?}"
    );
    assert!(keys.iter().any(|hot| hot["key"] == "key"));
}

#[tokio::test]
async fn the_source_of_members_is_told() {
    // The node has no TLS, so that it cannot dial the second member.
    let members = "http://127.0.0.1:1,https://127.0.0.1:2";
    let source = groupcache::peers::StaticMembers::parse(members).unwrap();
    let node = Node::builder("http://127.0.0.1:1")
        .cluster("prod")
        .discovery(source);
    let node = node.start().await.unwrap();
    until(|| node.report().discovery.unwrap().joined).await;
    let report = node.report();
    let discovery = report.discovery.unwrap();
    assert_eq!((discovery.source, discovery.failing), ("static", false));
    assert!(discovery.age.is_some() && discovery.last_error.is_none());
    let last = discovery.last_left_out.unwrap();
    assert!(discovery.left_out == 1 && last.contains("https"), "{last}");
    assert_eq!(report.cluster.as_deref(), Some("prod"));
    assert!(report.inbound.is_none());
}

#[tokio::test]
async fn every_protocol_tells_its_connections() {
    for &protocol in Protocol::ALL {
        let cluster = Cluster::builder(2)
            .protocol(protocol)
            .start()
            .await
            .unwrap();
        let groups = cluster.group("g", MIB, Calls::default().echo()).unwrap();
        groups[0].get(cluster.key_owned_by(1, "k")).await.unwrap();
        let report = cluster.node(0).report();
        let peer = peer(&report, cluster.node(1));
        let connections = peer.connections.unwrap();
        assert_eq!((connections.open, connections.idle), (1, 1), "{protocol}");
        assert!(!connections.stream_refused);
        assert_eq!(
            (peer.fetches.count, peer.health),
            (1, Health::Well),
            "{protocol}"
        );
    }
}

#[tokio::test]
async fn a_report_of_a_thousand_members_is_quick() {
    let node = Node::builder("http://127.0.0.1:1").start().await.unwrap();
    let members = (0..1000).map(|n| format!("http://10.0.{}.{}:80", n / 250, n % 250));
    node.set_peers(members).unwrap();
    node.group("g", MIB, |_: Key| async { Ok::<_, Infallible>("") })
        .build()
        .unwrap();
    node.report();
    let begun = std::time::Instant::now();
    let report = node.report();
    assert_eq!(report.ring.peers.len(), 1001);
    assert!(
        begun.elapsed() < Duration::from_secs(1),
        "{:?}",
        begun.elapsed()
    );
}
