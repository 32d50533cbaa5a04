//! Peers that hang, callers that give up, and changes meanwhile, on a simulated network with paused
//! time.

mod common;

use std::convert::Infallible;
use std::time::Duration;

use common::simulated::{HOSTS, keys_of, nodes, urls};
use common::{Calls, Gate, MIB, lonely_node_at};
use groupcache::testing::Network;
use groupcache::{
    GetOptions, Group, HttpOptions, Key, ManualClock, Mode, Never, Node, Protocol, Source, Value,
};
use tokio::time::Instant;

fn group(node: &Node, calls: &Calls) -> Group {
    node.group("g", MIB, calls.echo())
        .promoter(Never)
        .build()
        .unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_hangs_costs_one_ping_and_not_one_time_out_per_request() {
    let network = Network::new();
    // The third peer accepts connections, as a stopped process does, and answers nothing.
    let _hung = network.listen(HOSTS[2]).unwrap();
    let calls = Calls::default();
    let nodes = nodes(&network, &[0, 1]).await;
    let groups: Vec<_> = nodes.iter().map(|node| group(node, &calls)).collect();
    let keys = keys_of(&nodes[0], 2, 20);

    let start = Instant::now();
    let all_at_once: Vec<_> = keys
        .iter()
        .map(|key| {
            let (group, key) = (groups[0].clone(), key.clone());
            tokio::spawn(async move { group.get(key).await })
        })
        .collect();
    for get in all_at_once {
        get.await.unwrap().unwrap();
    }
    // The silence before a check, and the time that the check may take.
    let one_check = Duration::from_millis(500) + Duration::from_secs(1);
    // A peek at the former owner. For a node that has just started, the hung peer is that owner.
    let one_peek = Duration::from_millis(100);
    assert!(
        start.elapsed() <= one_check + one_peek,
        "{:?}",
        start.elapsed()
    );

    // While the peer's circuit is open, no caller waits for the peer.
    let start = Instant::now();
    for key in &keys {
        groups[0].get(key).await.unwrap();
    }
    assert!(
        start.elapsed() < Duration::from_millis(100),
        "{:?}",
        start.elapsed()
    );
    assert_eq!(calls.count(), 20);
}

#[tokio::test(start_paused = true)]
async fn callers_with_short_deadlines_still_find_a_hung_peer_out() {
    let network = Network::new();
    let _hung = network.listen(HOSTS[2]).unwrap();
    let nodes = nodes(&network, &[0, 1]).await;
    let calls = Calls::default();
    let groups: Vec<_> = nodes.iter().map(|node| group(node, &calls)).collect();
    let keys = keys_of(&nodes[0], 2, 100);
    let impatient = GetOptions::default().timeout(Duration::from_millis(100));

    let mut failed = 0;
    for key in &keys {
        failed += u32::from(groups[0].get_with_options(key, impatient).await.is_err());
    }
    assert!(failed > 0, "the first ones cannot know");
    assert!(
        failed <= 30,
        "{failed} of 100 waited for a peer that was known to hang"
    );
    assert!(groups[0].stats().peer_errors > 0);
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_is_asked_too_much_is_not_taken_for_a_slow_one() {
    for &protocol in Protocol::ALL {
        let network = Network::new();
        let (gate, calls) = (Gate::closed(), Calls::default());
        let mut groups = Vec::new();
        let mut nodes = Vec::new();
        for host in &HOSTS[..2] {
            let http = HttpOptions::default()
                .connector(network.connector(host))
                .max_connections_per_peer(1)
                .max_calls_per_connection(1)
                .acquire_timeout(Duration::from_secs(3));
            let builder = Node::builder(format!("http://{host}"))
                .peers(&urls()[..2])
                .protocol(protocol)
                .http(http)
                .listener(network.listen(host).unwrap());
            let node = builder.start().await.unwrap();
            let group = node.group("g", MIB, calls.gated(&gate)).promoter(Never);
            groups.push(group.build().unwrap());
            nodes.push(node);
        }
        let keys = keys_of(&nodes[0], 1, 3);
        let first = tokio::spawn({
            let (group, key) = (groups[0].clone(), keys[0].clone());
            async move { group.get(key).await }
        });
        gate.arrival().await;

        let start = Instant::now();
        let error = groups[0].get(&keys[1]).await.unwrap_err();
        assert!(error.is_overloaded() && !error.is_timeout(), "{error}");
        assert_eq!(start.elapsed().as_secs(), 3, "{protocol}");
        // No other node loaded the value, and the peer is still asked.
        assert_eq!((calls.count(), groups[0].stats().peer_errors), (1, 0));
        gate.open(2);
        first.await.unwrap().unwrap();
        let entry = groups[0].entry(&keys[2]).await.unwrap();
        assert_eq!(entry.source(), Source::Peer, "{protocol}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_getter_is_not_taken_for_a_hung_peer() {
    let network = Network::new();
    let nodes = nodes(&network, &[0, 1, 2]).await;
    let calls = Calls::default();
    let groups: Vec<_> = nodes
        .iter()
        .map(|node| {
            let calls = calls.clone();
            let getter = move |_: Key| {
                calls.add_one();
                async {
                    tokio::time::sleep(Duration::from_secs(12)).await;
                    Ok::<_, Infallible>("slow")
                }
            };
            node.group("g", MIB, getter)
                .promoter(Never)
                .build()
                .unwrap()
        })
        .collect();
    let key = &keys_of(&nodes[0], 2, 1)[0];
    let (one, other) = tokio::join!(groups[0].entry(key), groups[1].entry(key));
    assert_eq!(one.unwrap().source(), Source::Peer);
    assert_eq!(other.unwrap().source(), Source::Peer);
    assert_eq!(calls.count(), 1);
    assert_eq!(groups[0].stats().peer_errors, 0);
}

#[tokio::test(start_paused = true)]
async fn an_owner_that_loads_as_much_as_it_may_is_not_helped_by_others() {
    let (network, calls, gate) = (Network::new(), Calls::default(), Gate::closed());
    let nodes = nodes(&network, &[0, 1, 2]).await;
    let build = |node: &Node| {
        let group = node.group("g", MIB, calls.gated(&gate)).max_loads(1);
        group.build().unwrap()
    };
    let groups: Vec<Group> = nodes.iter().map(build).collect();
    let keys = keys_of(&nodes[1], 1, 2);
    let (first, key) = (groups[0].clone(), keys[0].clone());
    let first = tokio::spawn(async move { first.get(key).await });
    gate.arrival().await;
    let error = groups[2].get(&keys[1]).await.unwrap_err();
    assert!(error.is_overloaded(), "{error}");
    assert_eq!(calls.count(), 1, "nobody else has called the database");
    gate.open(1);
    first.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_former_owner_that_was_not_told_of_a_removal_does_not_bring_the_value_back() {
    let network = Network::new();
    let nodes = nodes(&network, &[0, 1]).await;
    let calls = Calls::default();
    let groups: Vec<_> = nodes.iter().map(|node| group(node, &calls)).collect();
    for node in &nodes {
        node.set_peers(&urls()[..2]).unwrap();
    }
    let key = &keys_of(&nodes[0], 1, 1)[0];
    groups[0].get(key).await.unwrap();
    assert_eq!(calls.count(), 1);

    // The first node goes on alone. The second is no longer a member, but still has the value.
    nodes[0].set_peers([&urls()[0]]).unwrap();
    groups[0].remove(key).await.unwrap();
    assert_eq!(groups[0].entry(key).await.unwrap().source(), Source::Origin);
    assert_eq!(calls.count(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_set_is_never_overwritten_by_a_load_that_began_before_it() {
    let node = common::lonely_node().await;
    let getter = |_: Key| async { Ok::<_, Infallible>("old") };
    let group = node.group("g", MIB, getter).build().unwrap();
    for n in 0..2000 {
        let key = format!("k{n}");
        let get = tokio::spawn({
            let (group, key) = (group.clone(), key.clone());
            async move { group.get(key).await }
        });
        group.set(&key, "new").await.unwrap();
        get.await.unwrap().unwrap();
        assert_eq!(group.get(&key).await.unwrap(), "new", "round {n}");
    }
}

#[tokio::test]
async fn an_outdated_load_that_is_too_large_leaves_a_newer_value_alone() {
    let gate = Gate::closed();
    let gated = gate.clone();
    let getter = move |_: Key| {
        let gate = gated.clone();
        async move {
            gate.pass().await;
            Ok::<_, Infallible>(vec![0; 10_000])
        }
    };
    let group = common::lonely_node()
        .await
        .group("g", 5000, getter)
        .build()
        .unwrap();
    let get = tokio::spawn({
        let group = group.clone();
        async move { group.get("k").await }
    });
    gate.arrival().await;
    group.set("k", "small").await.unwrap();
    gate.open(1);
    get.await.unwrap().unwrap();
    assert_eq!(group.get("k").await.unwrap(), "small");
}

#[tokio::test]
async fn a_peek_loads_nothing_not_even_for_a_stale_value() {
    let (clock, calls) = (ManualClock::new(), Calls::default());
    let node = lonely_node_at(&clock).await;
    let counted = calls.clone();
    let getter = move |_: Key| {
        counted.add_one();
        async { Ok::<_, Infallible>(Value::from("v").expires_in(Duration::from_secs(1))) }
    };
    let window = Duration::from_secs(60);
    let group = node
        .group("g", MIB, getter)
        .stale_while_revalidate(window)
        .build()
        .unwrap();
    let peek = GetOptions::default().mode(Mode::Peek);
    assert!(
        group
            .get_with_options("k", peek)
            .await
            .unwrap_err()
            .is_not_found()
    );
    group.get("k").await.unwrap();
    clock.advance(Duration::from_secs(2));
    let stale = group.get_with_options("k", peek).await.unwrap();
    assert_eq!(stale.source(), Source::Stale);
    tokio::task::yield_now().await;
    assert_eq!(calls.count(), 1);
}
