//! What a node tells of a peer: its health, its times, its connections.

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use peers::testing::{FakePeer, Network};
use peers::{
    CircuitOptions, Error, Health, HttpOptions, HttpTransport, Member, Peer, Protocol, Router, Wire,
};
use support::{CLIENT, SERVER, echo, get, serve};

const SECOND: Duration = Duration::from_secs(1);

/// The peer at [`SERVER`], as a node at [`CLIENT`] sees it.
fn peer(network: &Network, protocol: Protocol, options: HttpOptions) -> Peer {
    let options = options.connector(network.connector(CLIENT));
    let transport = HttpTransport::new(protocol, options).unwrap();
    let this = Member::new(format!("http://{CLIENT}")).unwrap();
    let circuit = CircuitOptions::default().failures(2);
    let router = Router::new(this, protocol.scheme(), Arc::new(transport), circuit);
    let server = Member::new(format!("http://{SERVER}")).unwrap();
    router.set_members(vec![server]).unwrap();
    router.snapshot().peers()[0].clone()
}

#[tokio::test(start_paused = true)]
async fn a_peer_is_unknown_then_well_then_failing_then_left_alone_then_well_again() {
    let network = Network::new();
    let peer = peer(&network, Protocol::Golang, HttpOptions::default());
    assert_eq!(peer.status().health, Health::NeverAsked);
    let (server, _) = serve(
        &network,
        Protocol::Golang,
        HttpOptions::default(),
        FakePeer::new(echo),
    );
    peer.get(get(b"k")).await.unwrap();
    assert_eq!(peer.status().health, Health::Well);

    drop(server);
    network.kill(SERVER);
    peer.get(get(b"k")).await.unwrap_err();
    let status = peer.status();
    assert_eq!(
        (status.health, status.failures_in_a_row),
        (Health::Failing, 1)
    );
    assert!(!status.health.is_down() && status.next_check.is_none());
    peer.get(get(b"k")).await.unwrap_err();
    let status = peer.status();
    assert!(status.health == Health::LeftAlone && status.health.is_down());
    assert!(status.next_check.is_some_and(|next| next <= SECOND));
    assert_eq!(status.failures.len(), 2);
    assert!(peer.get(get(b"k")).await.unwrap_err().is_circuit_open());
    assert_eq!(peer.status().failures.len(), 2, "it was not asked");

    let (_server, _) = serve(
        &network,
        Protocol::Golang,
        HttpOptions::default(),
        FakePeer::new(echo),
    );
    while peer.status().health == Health::LeftAlone {
        tokio::time::sleep(SECOND / 10).await;
    }
    peer.get(get(b"k")).await.unwrap();
    let status = peer.status();
    assert_eq!((status.health, status.failures_in_a_row), (Health::Well, 0));
    assert_eq!(status.fetches.count, 2);
}

#[tokio::test(start_paused = true)]
async fn answers_of_every_kind_count_with_their_times_and_failures_do_not() {
    let network = Network::new();
    let asked = AtomicUsize::new(0);
    let script = move |request: peers::GetRequest<'_>| match asked.fetch_add(1, Ordering::SeqCst) {
        0 => echo(request),
        1 => Err(Error::not_found("")),
        2 => Err(Error::getter("no luck")),
        _ => Err(Error::no_such_group("g")),
    };
    let served = FakePeer::new(script).delay(SECOND);
    let (_server, _) = serve(&network, Protocol::Native, HttpOptions::default(), served);
    let peer = peer(&network, Protocol::Native, HttpOptions::default());
    for _ in 0..4 {
        _ = peer.get(get(b"k")).await;
    }
    let status = peer.status();
    assert_eq!(status.fetches.count, 3);
    let second = SECOND.as_nanos() as u64;
    assert!((second..second * 9 / 8).contains(&status.fetches.p50()));
    assert_eq!(status.failures.len(), 1);
    assert!(
        status.failures[0].text.contains("no such group"),
        "{:?}",
        status.failures
    );
    assert_eq!(status.health, Health::Well, "it answers");
}

#[tokio::test(start_paused = true)]
async fn connections_are_counted_in_use_and_idle() {
    let network = Network::new();
    let served = FakePeer::new(echo).delay(SECOND);
    let (server, _) = serve(&network, Protocol::Golang, HttpOptions::default(), served);
    let peer = peer(&network, Protocol::Golang, HttpOptions::default());
    let look = async {
        tokio::time::sleep(SECOND / 2).await;
        (peer.status(), server.connections())
    };
    let (one, two, (during, inbound)) =
        tokio::join!(peer.get(get(b"a")), peer.get(get(b"b")), look);
    one.and(two).unwrap();
    let connections = during.connections.unwrap();
    assert_eq!(
        (connections.open, connections.idle, during.in_flight),
        (2, 0, 2)
    );
    assert_eq!((inbound.open, inbound.accepted), (2, 2));
    let after = peer.status();
    let connections = after.connections.unwrap();
    assert_eq!(
        (connections.open, connections.idle, after.in_flight),
        (2, 2, 0)
    );
    assert_eq!(connections.wire, Wire::PooledHttp);
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_one_connection_and_a_refused_one_is_told() {
    for multiplexing in [true, false] {
        let network = Network::new();
        let options = HttpOptions::default().multiplexing(multiplexing);
        let (server, _) = serve(&network, Protocol::Native, options, FakePeer::new(echo));
        let peer = peer(&network, Protocol::Native, HttpOptions::default());
        for key in [b"a", b"b"] {
            peer.get(get(key)).await.unwrap();
        }
        let connections = peer.status().connections.unwrap();
        assert_eq!((connections.open, connections.idle), (1, 1));
        let wire = if multiplexing {
            Wire::Stream
        } else {
            Wire::PooledHttp
        };
        assert_eq!(connections.wire, wire);
        assert_eq!(connections.stream_refused, !multiplexing);
        assert!(server.connections().open >= 1);
    }
}
