//! A node that is not the one that is meant: another member, or another cluster, at a known address.

mod common;

use std::convert::Infallible;
use std::time::Duration;

use common::MIB;
use groupcache::testing::Network;
use groupcache::{Group, HttpOptions, Key, Never, Node, NodeBuilder, Protocol, Source};
use tokio::net::TcpListener;
use tokio::time::sleep;

const STRAY: &str = "10.0.0.9:80";

/// A group that says whose value it is.
fn group(node: &Node, whose: &'static str) -> Group {
    let getter = move |key: Key| async move { Ok::<_, Infallible>(format!("{whose} {key}")) };
    node.group("users", MIB, getter)
        .promoter(Never)
        .build()
        .unwrap()
}

/// A key that the member with this id owns, in the view of `node`.
fn key_of(node: &Node, id: &str) -> String {
    let mut keys = (0..).map(|n| format!("key-{n}"));
    keys.find(|key| node.owner(key).unwrap().id() == id)
        .unwrap()
}

/// This side, which believes that a member of its own is at [`STRAY`].
fn asker(network: &Network, http: HttpOptions) -> NodeBuilder {
    let http = http.connector(network.connector("10.0.0.1:80"));
    Node::builder("mine-0=http://10.0.0.1:80")
        .peers([format!("mine-1=http://{STRAY}")])
        .http(http)
}

/// Both forms of the native protocol: over a stream, and over plain HTTP.
fn forms() -> [HttpOptions; 2] {
    [true, false].map(|stream| HttpOptions::default().multiplexing(stream))
}

#[tokio::test(start_paused = true)]
async fn another_member_is_asked_for_nothing_and_told_nothing() {
    for http in forms() {
        let network = Network::new();
        let stray = Node::builder(format!("other-0=http://{STRAY}"));
        let stray = stray
            .listener(network.listen(STRAY).unwrap())
            .start()
            .await
            .unwrap();
        let theirs = group(&stray, "their");
        let node = asker(&network, http).start().await.unwrap();
        let own = group(&node, "own");
        let key = key_of(&node, "mine-1");
        theirs.get(&key).await.unwrap();

        let entry = own.entry(&key).await.unwrap();
        assert_eq!(
            (&**entry.value(), entry.source()),
            (format!("own {key}").as_bytes(), Source::Origin)
        );
        assert_eq!(theirs.stats().peer_gets, 0);
        sleep(Duration::from_secs(60)).await; // the circuit's checks are refused too
        assert!(own.remove(&key).await.is_err(), "the owner was not reached");
        assert!(own.clear().await.is_err());
        assert_eq!(theirs.stats().entries, 1, "and the stray lost nothing");
    }
}

#[tokio::test(start_paused = true)]
async fn another_cluster_refuses_also_where_the_ids_are_the_same() {
    for http in forms() {
        for (label, is_stray) in [(Some("theirs"), true), (Some("mine"), false), (None, false)] {
            let network = Network::new();
            let mut peer = Node::builder(format!("mine-1=http://{STRAY}"));
            if let Some(label) = label {
                peer = peer.cluster(label);
            }
            let peer = peer
                .listener(network.listen(STRAY).unwrap())
                .start()
                .await
                .unwrap();
            group(&peer, "their");
            let node = asker(&network, http.clone()).cluster("mine");
            let node = node.start().await.unwrap();
            let own = group(&node, "own");
            let value = own.get(key_of(&node, "mine-1")).await.unwrap();
            let whose = if is_stray { "own" } else { "their" };
            assert!(value.starts_with(whose.as_bytes()), "{label:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_that_means_nobody_is_answered() {
    let network = Network::new();
    let labelled = Node::builder(format!("mine-1=http://{STRAY}")).cluster("mine");
    let peer = labelled
        .listener(network.listen(STRAY).unwrap())
        .start()
        .await
        .unwrap();
    group(&peer, "their");
    // Go's dialect has no such headers, as an earlier version of ours.
    let node = asker(&network, HttpOptions::default()).protocol(Protocol::Golang);
    let node = node.start().await.unwrap();
    let own = group(&node, "own");
    let value = own.get(key_of(&node, "mine-1")).await.unwrap();
    assert!(value.starts_with(b"their"));
}

#[tokio::test]
async fn a_node_that_is_mounted_in_axum_refuses_too() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let stray = Node::builder(format!("other-0={url}"))
        .start()
        .await
        .unwrap();
    let theirs = group(&stray, "their");
    let app = axum::Router::new().fallback_service(stray.service());
    let server = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    for http in forms() {
        let node = Node::builder("mine-0=http://127.0.0.1:1").http(http);
        let node = node.peers([format!("mine-1={url}")]).start().await.unwrap();
        let own = group(&node, "own");
        let value = own.get(key_of(&node, "mine-1")).await.unwrap();
        assert!(value.starts_with(b"own"));
    }
    assert_eq!(theirs.stats().peer_gets, 0);
    server.abort();
}

#[tokio::test(start_paused = true)]
async fn a_member_that_has_moved_is_found_and_the_late_news_of_its_end_takes_nobody_out() {
    let network = Network::new();
    let moved = Node::builder("pod-1=http://10.0.0.8:80");
    let moved = moved
        .listener(network.listen("10.0.0.8:80").unwrap())
        .start()
        .await
        .unwrap();
    group(&moved, "their");
    let http = HttpOptions::default().connector(network.connector("10.0.0.1:80"));
    let node = Node::builder("pod-0=http://10.0.0.1:80").http(http);
    let node = node
        .peers(["pod-1=http://10.0.0.2:80"])
        .start()
        .await
        .unwrap();
    let own = group(&node, "own");
    node.add_peer("pod-1=http://10.0.0.8:80").unwrap();
    assert!(!node.remove_peer("pod-1=http://10.0.0.2:80").unwrap());
    assert!(!node.remove_peer("http://10.0.0.2:80").unwrap());
    let entry = own.entry(key_of(&node, "pod-1")).await.unwrap();
    assert_eq!(entry.source(), Source::Peer);
    assert!(node.remove_peer("http://10.0.0.8:80").unwrap());
    assert_eq!(node.peers().len(), 1);
}
