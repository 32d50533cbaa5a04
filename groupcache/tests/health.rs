//! A peer's health is judged by liveness checks, apart from the requests of users.

mod common;

use std::convert::Infallible;
use std::time::Duration;

use common::simulated::{HOSTS, keys_of, nodes, urls};
use common::{Calls, Gate, MIB, getter_calls};
use groupcache::testing::Network;
use groupcache::{
    CircuitOptions, CoherenceOptions, Group, HttpOptions, Key, Never, Node, NodeBuilder, Protocol,
};
use tokio::time::{Instant, sleep};

const SECOND: Duration = Duration::from_secs(1);

/// Nodes that compare with nobody, so that no connection is theirs.
fn no_exchanges() -> CoherenceOptions {
    CoherenceOptions::default().exchange_interval(Duration::ZERO)
}

/// A group whose getter waits at the gate for the key `slow`.
fn gated(node: &Node, calls: &Calls, gate: &Gate, slow: &str) -> Group {
    let (calls, gate, slow) = (calls.clone(), gate.clone(), slow.to_owned());
    let getter = move |key: Key| {
        let (calls, gate, is_slow) = (calls.clone(), gate.clone(), *key == *slow.as_bytes());
        async move {
            if is_slow {
                gate.pass().await;
            }
            Ok::<_, Infallible>(format!("load {}", calls.add_one()))
        }
    };
    let group = node.group("g", MIB, getter);
    group.promoter(Never).build().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_slow_request_after_an_outage_keeps_nobody_from_a_peer_that_is_well_again() {
    let (network, calls, gate) = (Network::new(), Calls::default(), Gate::closed());
    let nodes = nodes(&network, &[0, 1, 2]).await;
    let keys = keys_of(&nodes[0], 1, 22);
    let build = |node: &Node| gated(node, &calls, &gate, &keys[0]);
    let groups: Vec<_> = nodes.iter().map(build).collect();
    for key in &keys[1..] {
        groups[1].get(key).await.unwrap();
    }
    network.partition(HOSTS[0], HOSTS[1]);
    groups[0].get(&keys[1]).await.unwrap();
    network.heal();
    sleep(2 * SECOND).await; // the first checks find the peer healthy
    let before = getter_calls(&groups);
    let slow = tokio::spawn({
        let (group, slow) = (groups[0].clone(), keys[0].clone());
        async move { group.get(slow).await }
    });
    gate.arrival().await;
    for key in &keys[2..] {
        sleep(SECOND).await;
        groups[0].get(key).await.unwrap(); // node 1 has it
        groups[0].remove(key).await.unwrap();
    }
    assert_eq!(getter_calls(&groups) - before, 1, "that of the slow key");
    gate.open(1);
    slow.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_request_that_its_caller_polls_no_more_keeps_nobody_from_the_peer() {
    let (network, calls, gate) = (Network::new(), Calls::default(), Gate::closed());
    let nodes = nodes(&network, &[0, 1, 2]).await;
    let keys = keys_of(&nodes[0], 1, 3);
    let build = |node: &Node| gated(node, &calls, &gate, "");
    let groups: Vec<_> = nodes.iter().map(build).collect();
    network.partition(HOSTS[0], HOSTS[1]);
    groups[0].get(&keys[0]).await.unwrap();
    network.heal();
    sleep(SECOND / 4).await;
    let mut idle = Box::pin(groups[0].get(&keys[1]));
    let polled = std::future::poll_fn(|context| {
        std::task::Poll::Ready(std::future::Future::poll(idle.as_mut(), context))
    });
    assert!(polled.await.is_pending());
    sleep(SECOND).await;
    let entry = groups[0].entry(&keys[2]).await.unwrap();
    assert_eq!(entry.source(), groupcache::Source::Peer);
    drop(idle);
}

#[tokio::test(start_paused = true)]
async fn liveness_checks_get_through_to_a_server_at_its_connection_limit() {
    let (network, calls) = (Network::new(), Calls::default());
    let (mut nodes, mut groups) = (Vec::new(), Vec::new());
    for host in HOSTS {
        let http = HttpOptions::default().connector(network.connector(host));
        let builder = Node::builder(format!("http://{host}"))
            .peers(urls())
            .http(http.max_connections(8))
            .coherence(no_exchanges())
            .listener(network.listen(host).unwrap());
        let node = builder.start().await.unwrap();
        let calls = calls.clone();
        let getter = move |_: Key| {
            calls.add_one();
            async move {
                sleep(5 * SECOND).await;
                Ok::<_, Infallible>("value")
            }
        };
        let group = node.group("g", MIB, getter).promoter(Never);
        groups.push(group.build().unwrap());
        nodes.push(node);
    }
    let gets: Vec<_> = keys_of(&nodes[0], 1, 8)
        .into_iter()
        .map(|key| {
            let group = groups[0].clone();
            tokio::spawn(async move { group.get(key).await })
        })
        .collect();
    for get in gets {
        get.await.unwrap().unwrap();
    }
    assert_eq!((calls.count(), groups[0].stats().peer_errors), (8, 0));
}

/// Nodes that speak a protocol, of which the third accepts connections and answers nothing.
async fn with_a_hung_peer(
    network: &Network,
    protocol: Protocol,
    settings: impl Fn(NodeBuilder) -> NodeBuilder,
) -> (Node, impl Sized) {
    let hung = network.listen(HOSTS[2]).unwrap();
    let http = HttpOptions::default().connector(network.connector(HOSTS[0]));
    let node = Node::builder(format!("http://{}", HOSTS[0]))
        .peers([format!("http://{}", HOSTS[2])])
        .protocol(protocol)
        .handoff(Duration::ZERO)
        .coherence(no_exchanges())
        .http(http);
    (settings(node).start().await.unwrap(), hung)
}

#[tokio::test(start_paused = true)]
async fn a_hung_peer_is_found_out_by_one_check_in_every_protocol() {
    for &protocol in Protocol::ALL {
        let network = Network::new();
        let (node, _hung) = with_a_hung_peer(&network, protocol, |node| node).await;
        let calls = Calls::default();
        let group = node.group("g", MIB, calls.echo()).build().unwrap();
        let hung = |key: &String| node.owner(key).unwrap().url().ends_with(HOSTS[2]);
        let keys = (0..).map(|n| format!("{n}-key")).filter(hung).take(50);
        let start = Instant::now();
        let gets: Vec<_> = keys
            .map(|key| {
                let group = group.clone();
                tokio::spawn(async move { group.get(key).await })
            })
            .collect();
        for get in gets {
            get.await.unwrap().unwrap();
        }
        let one_check = SECOND / 2 + SECOND;
        assert_eq!(
            start.elapsed().as_millis(),
            one_check.as_millis(),
            "{protocol}"
        );
        let connections = match protocol {
            // The check joins the 50 requests, which wait for one connection.
            Protocol::Native => 1,
            // 50 requests share one connection over HTTP/2.
            Protocol::GalaxycacheGrpc => 1 + 1,
            _ => 50 + 1,
        };
        assert_eq!(network.attempts(HOSTS[2]), connections, "{protocol}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_dead_peer_costs_one_check_per_pause_whoever_asks() {
    let network = Network::new();
    let circuit = CircuitOptions::default()
        .back_off(SECOND)
        .max_back_off(4 * SECOND);
    let (node, hung) = with_a_hung_peer(&network, Protocol::Native, |node| {
        node.circuit(circuit.clone())
    })
    .await;
    drop(hung); // now the host refuses connections
    let calls = Calls::default();
    let group = node.group("g", MIB, calls.echo()).build().unwrap();
    let keys = (0..).map(|n| format!("{n}-key"));
    let mut keys = keys.filter(|key| node.owner(key).unwrap().url().ends_with(HOSTS[2]));
    let mut get = async |n: usize| {
        for key in keys.by_ref().take(n) {
            group.get(key).await.unwrap();
        }
    };
    // Meanwhile the node asks the peer what it knows of changes, and opens the circuit.
    sleep(SECOND / 10).await;
    get(10).await;
    assert_eq!(group.stats().peer_errors, 10);
    let before = network.attempts(HOSTS[2]);
    assert_eq!(before, 1, "the ten found the circuit open");
    for (seconds, checks) in [(1, 1), (2, 2), (4, 3), (4, 4)] {
        sleep(seconds * SECOND + SECOND / 10).await;
        get(10).await;
        assert_eq!(network.attempts(HOSTS[2]) - before, checks);
    }
}
