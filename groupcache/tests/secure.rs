//! Clusters whose nodes know each other by certificates or by a token, and nodes that are none of them.

mod common;

use common::log::Log;
use common::pki::Authority;
use common::{Calls, MIB, getter_calls, until};
use groupcache::{
    Access, ClientAuth, Error, Group, Member, Never, Node, NodeBuilder, Protocol, Source, Tls,
    Tokens,
};
use tokio::net::TcpListener;
use tracing_subscriber::filter::LevelFilter;

const LOCAL: &str = "127.0.0.1";

/// Nodes on free ports of the loopback interface, each with a group `g` that keeps no mirrors.
struct Nodes {
    nodes: Vec<Node>,
    groups: Vec<Group>,
    urls: Vec<String>,
}

impl Nodes {
    /// `configure` is told the number of each node.
    async fn start(
        scheme: &str,
        count: usize,
        calls: &Calls,
        configure: impl Fn(usize, NodeBuilder) -> NodeBuilder,
    ) -> Self {
        let (mut listeners, mut urls) = (Vec::new(), Vec::new());
        for _ in 0..count {
            let listener = TcpListener::bind((LOCAL, 0)).await.unwrap();
            urls.push(format!("{scheme}://{}", listener.local_addr().unwrap()));
            listeners.push(listener);
        }
        let (mut nodes, mut groups) = (Vec::new(), Vec::new());
        for (n, listener) in listeners.into_iter().enumerate() {
            let builder = Node::builder(&urls[n]).peers(&urls).listener(listener);
            let node = configure(n, builder).start().await.unwrap();
            groups.push(group(&node, calls));
            nodes.push(node);
        }
        Self {
            nodes,
            groups,
            urls,
        }
    }
}

fn group(node: &Node, calls: &Calls) -> Group {
    let group = node.group("g", MIB, calls.echo()).promoter(Never);
    group.build().unwrap()
}

/// All nodes get all keys, and each is loaded once.
async fn assert_is_one_cluster(cluster: &Nodes, protocol: Protocol) {
    for n in 0..20 {
        let key = format!("key-{n}");
        let owner = cluster.nodes[0].owner(&key).unwrap();
        for (node, group) in cluster.nodes.iter().zip(&cluster.groups) {
            let entry = group.entry(&key).await.unwrap();
            let is_fetched = entry.source() == Source::Peer;
            assert_eq!(is_fetched, *node.member() != owner, "{protocol}");
        }
    }
    assert_eq!(getter_calls(&cluster.groups), 20, "{protocol}");
}

#[tokio::test]
async fn nodes_with_certificates_are_a_cluster_in_every_protocol() {
    let authority = Authority::new();
    for &protocol in Protocol::ALL {
        let calls = Calls::default();
        let cluster = Nodes::start("https", 3, &calls, |_, builder| {
            let tls = authority.tls(LOCAL).client_auth(ClientAuth::Required);
            builder.protocol(protocol).tls(tls)
        })
        .await;
        assert_is_one_cluster(&cluster, protocol).await;
        let removed = cluster.groups[1].remove("key-1").await;
        removed.or_else(unsupported).unwrap();
    }
}

#[tokio::test]
async fn nodes_with_a_token_are_a_cluster_in_every_protocol() {
    for &protocol in Protocol::ALL {
        let calls = Calls::default();
        let configure = |_, builder: NodeBuilder| builder.protocol(protocol).token("open sesame");
        let cluster = Nodes::start("http", 3, &calls, configure).await;
        assert_is_one_cluster(&cluster, protocol).await;
        let removed = cluster.groups[1].remove("key-1").await;
        removed.or_else(unsupported).unwrap();
    }
}

fn unsupported(error: Error) -> Result<(), Error> {
    if error.is_unsupported() {
        Ok(())
    } else {
        Err(error)
    }
}

/// A node that lists the others as its peers and has no token loads all values itself and changes nothing elsewhere.
/// It is told so.
#[tokio::test]
async fn a_node_without_the_token_gets_nothing_and_changes_nothing() {
    for &protocol in Protocol::ALL {
        let (inside, outside) = (Calls::default(), Calls::default());
        let configure = |_, builder: NodeBuilder| builder.protocol(protocol).token("open sesame");
        let cluster = Nodes::start("http", 2, &inside, configure).await;
        assert_is_one_cluster_of_two(&cluster).await;
        for token in [None, Some("sesame, open")] {
            let log = Log::of(LevelFilter::INFO);
            let builder = Node::builder("http://127.0.0.1:1")
                .peers(&cluster.urls)
                .include_self(false)
                .protocol(protocol);
            let builder = match token {
                Some(token) => builder.token(token),
                None => builder,
            };
            let node = builder.start().await.unwrap();
            let group = group(&node, &outside);
            let before = outside.count();
            for n in 0..10 {
                let entry = group.entry(format!("key-{n}")).await.unwrap();
                assert_eq!(entry.source(), Source::Origin, "{protocol}");
            }
            assert_eq!(outside.count(), before + 10, "{protocol}");
            for changed in [
                group.remove("key-1").await,
                group.set("key-2", "mine").await,
                group.clear().await,
            ] {
                let error = changed.unwrap_err();
                if error.is_unsupported() {
                    continue;
                }
                assert!(!error.failed_peers().is_empty(), "{protocol}: {error}");
                let failed = error.failed_peers().iter();
                for failed in failed.filter(|failed| !failed.error().is_unsupported()) {
                    let text = failed.error().to_string();
                    assert!(failed.error().is_denied(), "{protocol}: {text}");
                    assert!(
                        text.contains(failed.member().url()) && !text.contains("sesame"),
                        "{text}"
                    );
                }
            }
            assert_eq!(
                log.lines("a peer refuses this node").len(),
                2,
                "{protocol}: one of each peer"
            );
            assert!(log.lines("sesame").is_empty());
        }
        // Everything is where it was: no getter is called again, and no value is another one.
        let loaded = inside.count();
        for n in 0..10 {
            let key = format!("key-{n}");
            assert_eq!(
                cluster.groups[0].get(&key).await.unwrap(),
                format!("value of {key}").as_str()
            );
        }
        assert_eq!(inside.count(), loaded, "{protocol}");
    }
}

async fn assert_is_one_cluster_of_two(cluster: &Nodes) {
    for n in 0..10 {
        for group in &cluster.groups {
            group.get(format!("key-{n}")).await.unwrap();
        }
    }
    assert_eq!(getter_calls(&cluster.groups), 10);
}

#[tokio::test]
async fn a_node_whose_certificate_is_not_a_members_is_refused_until_it_becomes_one() {
    let authority = Authority::new();
    let calls = Calls::default();
    let mutual = |name: &str| authority.tls(name).client_auth(ClientAuth::Required);
    let cluster = Nodes::start("https", 1, &calls, |_, builder| builder.tls(mutual(LOCAL))).await;
    let outsider = Node::builder("newcomer=https://127.0.0.9:1")
        .peers(&cluster.urls)
        .include_self(false)
        .tls(mutual("newcomer"))
        .start()
        .await
        .unwrap();
    let loads = Calls::default();
    let group = group(&outsider, &loads);
    assert_eq!(group.entry("k").await.unwrap().source(), Source::Origin);
    let error = group.remove("k").await.unwrap_err();
    let text = error.failed_peers()[0].error().to_string();
    assert!(text.contains("not that of a member"), "{text}");
    assert_eq!(calls.count(), 0);

    let newcomer: Member = "newcomer=https://127.0.0.9:1".parse().unwrap();
    cluster.nodes[0].add_peer(&newcomer).unwrap();
    group.remove("k").await.unwrap();
    assert!(cluster.nodes[0].remove_peer("newcomer").unwrap());
    assert!(
        group.remove("k").await.unwrap_err().failed_peers()[0]
            .error()
            .is_denied()
    );
}

#[tokio::test]
async fn names_beside_the_members_may_be_admitted() {
    let authority = Authority::new();
    let calls = Calls::default();
    let cluster = Nodes::start("https", 1, &calls, |_, builder| {
        let tls = authority.tls(LOCAL).client_auth(ClientAuth::Required);
        builder.tls(tls.also_admit(["admin.example"]))
    })
    .await;
    let admin = Node::builder("https://admin.example")
        .peers(&cluster.urls)
        .include_self(false)
        .tls(authority.tls("admin.example"))
        .start()
        .await
        .unwrap();
    let entry = group(&admin, &calls).entry("k").await.unwrap();
    assert_eq!(entry.source(), Source::Peer);
}

#[tokio::test]
async fn where_reads_are_open_a_stranger_gets_values_and_changes_none() {
    let calls = Calls::default();
    let cluster = Nodes::start("http", 1, &calls, |_, builder| {
        builder.token("open sesame").access(Access::Changes)
    })
    .await;
    let stranger = Node::builder("http://127.0.0.1:1")
        .peers(&cluster.urls)
        .include_self(false)
        .start()
        .await
        .unwrap();
    let group = group(&stranger, &Calls::default());
    assert_eq!(group.entry("k").await.unwrap().source(), Source::Peer);
    assert!(
        group.remove("k").await.unwrap_err().failed_peers()[0]
            .error()
            .is_denied()
    );
    assert_eq!(
        cluster.groups[0].entry("k").await.unwrap().source(),
        Source::Main
    );
}

#[tokio::test]
async fn the_token_of_a_running_node_is_changed_by_its_handle() {
    let tokens = Tokens::new("old").unwrap();
    let calls = Calls::default();
    let cluster = Nodes::start("http", 2, &calls, |n, builder| match n {
        0 => builder.token(tokens.clone()),
        _ => builder.token("new"),
    })
    .await;
    cluster.groups[1].remove("k").await.unwrap_err();
    tokens.set(["old", "new"]).unwrap();
    cluster.groups[1].remove("k").await.unwrap();
    cluster.groups[0].remove("k").await.unwrap_err();
    tokens.set(["new"]).unwrap();
    cluster.groups[0].remove("k").await.unwrap();
}

#[tokio::test]
async fn the_certificates_of_a_running_node_are_reloaded_by_its_handle() {
    let files = tempfile::tempdir().unwrap();
    let path = |name: &str| files.path().join(name);
    let write = |authority: &Authority| {
        authority.write(LOCAL, |name, pem| std::fs::write(path(name), pem).unwrap());
    };
    let (before, after) = (Authority::new(), Authority::new());
    write(&before);
    let calls = Calls::default();
    let tls = Tls::from_files(path("chain.pem"), path("key.pem")).roots_file(path("roots.pem"));
    let cluster = Nodes::start("https", 1, &calls, |_, builder| builder.tls(tls.clone())).await;
    let reaches = async |authority: &Authority| {
        let node = Node::builder("https://127.0.0.9:1")
            .peers(&cluster.urls)
            .include_self(false)
            .tls(authority.tls("127.0.0.9"))
            .start()
            .await
            .unwrap();
        group(&node, &Calls::default())
            .entry("k")
            .await
            .unwrap()
            .source()
            == Source::Peer
    };
    assert!(reaches(&before).await && !reaches(&after).await);
    write(&after);
    assert!(cluster.nodes[0].certificates().unwrap().reload().unwrap());
    assert!(reaches(&after).await && !reaches(&before).await);
}

#[tokio::test]
async fn a_node_that_anybody_can_reach_and_use_says_so_once() {
    let authority = Authority::new();
    let plain = |address: &str| Node::builder("http://10.0.0.1:1").listen(address);
    let secure = |tls: Tls| {
        Node::builder("https://10.0.0.1:1")
            .listen("0.0.0.0:0")
            .tls(tls)
    };
    let hook =
        groupcache::HttpOptions::default().on_request(|_| Ok(groupcache::Context::default()));
    for (what, builder, warnings) in [
        ("all interfaces", plain("0.0.0.0:0"), 1),
        ("loopback", plain("127.0.0.1:0"), 0),
        ("no server", Node::builder("http://10.0.0.1:1"), 0),
        ("a token", plain("0.0.0.0:0").token("t"), 0),
        (
            "open reads",
            plain("0.0.0.0:0").token("t").access(Access::Changes),
            0,
        ),
        ("a hook", plain("0.0.0.0:0").http(hook), 0),
        ("encryption alone", secure(authority.tls("10.0.0.1")), 1),
        (
            "certificates",
            secure(authority.tls("10.0.0.1").client_auth(ClientAuth::Optional)),
            0,
        ),
    ] {
        let log = Log::of(LevelFilter::INFO);
        let node = builder.start().await.unwrap();
        until(|| !log.lines("a node has started").is_empty()).await;
        let warned = log.lines("can read and delete all values");
        assert_eq!(warned.len(), warnings, "{what}: {warned:?}");
        assert_eq!(log.lines("WARN").len(), warnings, "{what}");
        drop(node);
    }
}

#[tokio::test]
async fn credentials_that_cannot_work_are_mistakes_that_do_not_show_them() {
    let authority = Authority::new();
    let plain = || Node::builder("http://127.0.0.1:1");
    let mutual = |url: &str| {
        let tls = authority.tls(LOCAL).client_auth(ClientAuth::Required);
        Node::builder(url).tls(tls)
    };
    for (what, builder) in [
        ("token", plain().token("bad\ntoken")),
        ("token", plain().token("")),
        ("access", plain().access(Access::Changes)),
        (
            "server name",
            Node::builder("https://127.0.0.1:1").tls(
                authority
                    .tls(LOCAL)
                    .client_auth(ClientAuth::Required)
                    .also_admit(["a b"]),
            ),
        ),
        (
            "roots",
            Node::builder("https://127.0.0.1:1").tls(Tls::from_pem("", "")),
        ),
        (
            "scheme",
            mutual("https://127.0.0.1:1").peers(["http://127.0.0.2:1"]),
        ),
    ] {
        let error = builder.start().await.unwrap_err();
        assert!(error.is_configuration(), "{error}");
        assert!(error.to_string().contains(what), "{what}: {error}");
        assert!(!format!("{error} {error:?}").contains("bad\ntoken"));
    }
    mutual("https://127.0.0.1:1")
        .access(Access::Changes)
        .start()
        .await
        .unwrap();
}

/// Each node has a certificate of its own. One leaves, hands its values over and comes back, and is a member all the time.
#[tokio::test]
async fn a_node_that_leaves_in_order_is_known_by_its_certificate_until_it_is_back() {
    let (authority, calls) = (Authority::new(), Calls::default());
    let hosts = ["127.0.0.1", "127.0.0.2", "127.0.0.3"];
    let (mut listeners, mut addresses) = (Vec::new(), Vec::new());
    for host in hosts {
        let listener = TcpListener::bind((host, 0)).await.unwrap();
        addresses.push(listener.local_addr().unwrap());
        listeners.push(listener);
    }
    let url = |n: usize| format!("https://{}", addresses[n]);
    let start = async |n: usize, listener: TcpListener| {
        let tls = authority.tls(hosts[n]).client_auth(ClientAuth::Required);
        let node = Node::builder(url(n)).peers((0..3).map(url));
        let node = node.listener(listener).tls(tls).start().await.unwrap();
        let group = group(&node, &calls);
        (node, group)
    };
    let mut nodes = Vec::new();
    for (n, listener) in listeners.into_iter().enumerate() {
        nodes.push(start(n, listener).await);
    }
    let get_all = async |group: &Group| {
        for n in 0..100 {
            group.get(format!("key-{n}")).await.unwrap();
        }
        calls.count()
    };
    assert_eq!(get_all(&nodes[0].1).await, 100);
    let (leaver, _) = nodes.pop().unwrap();
    leaver.shutdown().await;
    assert!(nodes.iter().all(|(node, _)| node.peers().len() == 2));
    assert_eq!(get_all(&nodes[0].1).await, 100, "all values went over");
    drop(leaver);
    let listener = TcpListener::bind(addresses[2]).await.unwrap();
    nodes.push(start(2, listener).await);
    until(|| nodes.iter().all(|(node, _)| node.peers().len() == 3)).await;
    let (back, group) = &nodes[2];
    let is_own = |key: String| back.owner(key).unwrap() == *back.member();
    let own = (0..100).filter(|n| is_own(format!("key-{n}"))).count();
    until(|| group.stats().entries == own as u64).await;
    assert_eq!(get_all(&nodes[1].1).await, 100, "and back");
}
