//! The ownership of keys: the ring's rules, the members of a node and of a single group, and the
//! hooks that report new nodes and groups.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use common::{Calls, MIB};
use groupcache::testing::Cluster;
use groupcache::{HashFn, Member, Node, Protocol, Scheme, Source};
use parking_lot::Mutex;

/// The owners of many keys, by their number, among three members that are only named.
async fn owners(protocol: Protocol, scheme: Option<Scheme>, replicas: Option<u32>) -> Vec<usize> {
    let urls = [1, 2, 3].map(|n| format!("http://10.0.0.{n}:8080"));
    let mut node = Node::builder(&urls[0]).protocol(protocol).peers(&urls);
    if let Some(scheme) = scheme {
        node = node.ring(scheme);
    }
    if let Some(replicas) = replicas {
        node = node.replicas(replicas);
    }
    let node = node.start().await.unwrap();
    (0..500)
        .map(|n| {
            let owner = node.owner(format!("key-{n}")).unwrap();
            urls.iter().position(|url| url == owner.url()).unwrap()
        })
        .collect()
}

#[tokio::test]
async fn hash_function_and_replicas_are_replaceable_with_every_protocol() {
    for &protocol in Protocol::ALL {
        let usual = owners(protocol, None, None).await;
        let same = owners(protocol, Some(protocol.scheme()), None).await;
        assert_eq!(usual, same, "{protocol}");
        let scheme = protocol.scheme().hash(HashFn::Fnv1a);
        let hashed = owners(protocol, Some(scheme), None).await;
        assert_ne!(usual, hashed, "{protocol}");
        let denser = owners(protocol, None, Some(160)).await;
        assert_ne!(usual, denser, "{protocol}");
        let both = owners(protocol, Some(scheme.replicas(160)), None).await;
        assert_eq!(
            both,
            owners(protocol, Some(scheme), Some(160)).await,
            "{protocol}"
        );
    }
}

#[tokio::test]
async fn a_cluster_with_another_hash_function_loads_once() {
    let protocol = Protocol::Galaxycache;
    let cluster = Cluster::builder(3)
        .protocol(protocol)
        .configure(move |node| node.ring(protocol.scheme().hash(HashFn::Fnv1a32)))
        .start()
        .await
        .unwrap();
    let calls = Calls::default();
    let groups = cluster.group("g", MIB, calls.echo()).unwrap();
    for group in &groups {
        assert_eq!(group.get("k").await.unwrap(), "value of k");
    }
    assert_eq!(calls.count(), 1);
}

#[tokio::test]
async fn owners_are_the_owner_and_then_everyone_else_once() {
    for &protocol in Protocol::ALL {
        let urls = [1, 2, 3].map(|n| format!("http://10.0.0.{n}:8080"));
        let node = Node::builder(&urls[0])
            .protocol(protocol)
            .peers(&urls)
            .start()
            .await
            .unwrap();
        for key in ["a", "b", "c"] {
            let owners = node.owners(key);
            assert_eq!(Some(&owners[0]), node.owner(key).as_ref(), "{protocol}");
            let mut listed: Vec<_> = owners.iter().map(Member::url).collect();
            listed.sort_unstable();
            assert_eq!(listed, urls, "{protocol}");
        }
    }
    let alone = Node::builder("http://10.0.0.1:8080").include_self(false);
    assert!(alone.start().await.unwrap().owners("a").is_empty());
}

#[tokio::test]
async fn a_group_with_peers_of_its_own_shares_its_keys_with_them_only() {
    let cluster = Cluster::start(3).await.unwrap();
    let calls = Calls::default();
    let pair = [0, 1].map(|n| cluster.node(n).member().clone());
    let groups = cluster
        .group_with("g", MIB, calls.echo(), |group| group.peers(&pair))
        .unwrap();
    let mut listed = groups[0].peers();
    listed.sort();
    let mut wanted = pair.to_vec();
    wanted.sort();
    assert_eq!(listed, wanted);

    // In the node's ring the third member owns the key; the group's ring lacks that member.
    let key = cluster.key_owned_by(2, "k");
    groups[0].get(&key).await.unwrap();
    groups[1].get(&key).await.unwrap();
    assert_eq!((calls.count(), groups[2].stats().entries), (1, 0));
    cluster.node(0).set_peers::<&str>([]).unwrap();
    assert_eq!(
        groups[0].peers().len(),
        2,
        "the node's changes leave it alone"
    );
}

#[tokio::test]
async fn a_member_is_owner_by_its_id_and_dialled_at_its_url() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let calls = Calls::default();
    let theirs = Node::builder(format!("pod-1={url}")).listener(listener);
    let theirs = theirs.start().await.unwrap();
    theirs.group("g", MIB, calls.echo()).build().unwrap();
    let node = Node::builder("me=http://10.9.9.9:1")
        .peers([format!("pod-1={url}")])
        .include_self(false)
        .start()
        .await
        .unwrap();
    let group = node
        .group("g", MIB, Calls::default().echo())
        .build()
        .unwrap();
    assert_eq!(node.owner("k").unwrap().id(), "pod-1");
    assert_eq!(group.entry("k").await.unwrap().source(), Source::Peer);
    assert_eq!(calls.count(), 1);
}

#[tokio::test]
async fn hooks_see_the_node_once_and_every_group() {
    let started = Arc::new(AtomicUsize::new(0));
    let names = Arc::new(Mutex::new(Vec::new()));
    let (counted, seen) = (Arc::clone(&started), Arc::clone(&names));
    let node = Node::builder("http://10.0.0.1:8080")
        .peers(["http://10.0.0.2:8080"])
        .on_start(move |node| {
            counted.fetch_add(node.peers().len(), Ordering::SeqCst);
        })
        .on_group(move |group| seen.lock().push(group.name().to_owned()))
        .start()
        .await
        .unwrap();
    for name in ["a", "b", "a"] {
        let _ = node.group(name, MIB, Calls::default().echo()).build();
    }
    assert_eq!(started.load(Ordering::SeqCst), 2);
    assert_eq!(
        *names.lock(),
        ["a", "b"],
        "a name that is taken makes no group"
    );
}
