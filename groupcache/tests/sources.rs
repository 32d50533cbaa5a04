//! Nodes that find each other by real sources of members: dnsmasq, etcd, gossip, and a scripted API server of
//! Kubernetes. Each node has a runtime of its own, so that it can die.
#![cfg(all(
    feature = "dns",
    feature = "etcd",
    feature = "gossip",
    feature = "kubernetes"
))]

#[path = "../../peers/tests/sources/support/mod.rs"]
mod support;

use std::net::{SocketAddr, TcpListener};
use std::thread::sleep;
use std::time::{Duration, Instant};

use groupcache::peers::kube::{Client, Config};
use groupcache::peers::{
    Dns, DnsOptions, Etcd, EtcdOptions, Gossip, GossipOptions, Kubernetes, KubernetesOptions,
};
use groupcache::{Discovery, Node};
use serde_json::{Value, json};
use support::{ApiServer, EtcdServer, NameServer, Proxy, free_port};
use tokio::runtime::Runtime;

/// A node on a runtime of its own.
struct Running {
    node: Node,
    runtime: Runtime,
}

impl Running {
    /// Starts the node `this`, `ID=URL` or a URL; `source` is made on the node's runtime.
    fn start<D: Discovery>(this: &str, source: impl FnOnce() -> D) -> Self {
        let runtime = Runtime::new().unwrap();
        let address = this.rsplit_once("://").unwrap().1;
        let node = runtime.block_on(async {
            let node = Node::builder(this).listen(address).discovery(source());
            node.start().await.unwrap()
        });
        Self { node, runtime }
    }

    /// The process is killed: no task says or does anything any more.
    fn die(self) {
        self.runtime.shutdown_background();
    }

    /// The process ends in order.
    fn leave(self) {
        self.runtime.block_on(self.node.shutdown());
    }
}

/// Waits until these nodes, and no others, are on the rings of all of them, and all agree on all owners.
fn await_agreement(what: &str, nodes: &[&Running]) {
    let mut ids: Vec<&str> = nodes.iter().map(|it| it.node.member().id()).collect();
    ids.sort_unstable();
    let ring = |it: &Running| {
        let mut ids: Vec<String> = it.node.peers().iter().map(|it| it.id().into()).collect();
        ids.sort_unstable();
        ids
    };
    let owners = |it: &Running| -> Vec<_> {
        (0..100)
            .map(|n| it.node.owner(format!("key-{n}")))
            .collect()
    };
    let start = Instant::now();
    loop {
        let agreed = nodes.iter().all(|it| ring(it) == ids)
            && nodes.iter().all(|it| owners(it) == owners(nodes[0]));
        if agreed {
            println!("{what}: agreed after {:?}", start.elapsed());
            return;
        }
        let rings: Vec<_> = nodes.iter().map(|it| ring(it)).collect();
        let is_late = start.elapsed() > Duration::from_secs(30);
        assert!(!is_late, "{what}: {ids:?} are expected, not {rings:?}");
        sleep(Duration::from_millis(5));
    }
}

/// Waits until all nodes know that their source fails, and asserts that nothing changes.
fn await_doubt(nodes: &[&Running]) {
    let before: Vec<_> = nodes.iter().map(|it| it.node.peers()).collect();
    let start = Instant::now();
    while !nodes.iter().all(|it| it.node.discovery().unwrap().failing) {
        assert!(start.elapsed() < Duration::from_secs(30), "nobody notices");
        sleep(Duration::from_millis(5));
    }
    // Longer than any grace.
    sleep(Duration::from_millis(1500));
    let after: Vec<_> = nodes.iter().map(|it| it.node.peers()).collect();
    assert_eq!(after, before);
}

/// How long etcd keeps the announcement of a node that is dead.
const LEASE: Duration = Duration::from_secs(2);

/// A node that finds the others by the etcd at `url`.
fn by_etcd(id: &str, url: &str, options: EtcdOptions) -> Running {
    let this = format!("{id}=http://127.0.0.1:{}", free_port());
    Running::start(&this, || Etcd::new([url], "nodes", options).unwrap())
}

#[test]
fn nodes_agree_by_etcd() {
    let servers = Runtime::new().unwrap();
    let Some(mut server) = servers.block_on(EtcdServer::start()) else {
        return;
    };
    let url = server.url();
    let start = |id: &str| by_etcd(id, &url, EtcdOptions::default().lease_ttl(LEASE));
    let (one, two, three) = (start("one"), start("two"), start("three"));
    await_agreement("three nodes", &[&one, &two, &three]);
    let four = start("four");
    await_agreement("a fourth", &[&one, &two, &three, &four]);

    servers.block_on(server.kill());
    await_doubt(&[&one, &two, &three, &four]);
    servers.block_on(server.restart());
    two.die();
    await_agreement("one dead, by the end of its lease", &[&one, &three, &four]);
    three.leave();
    await_agreement("one left", &[&one, &four]);
}

#[test]
fn an_etcd_that_comes_back_without_any_lease_costs_no_member() {
    let servers = Runtime::new().unwrap();
    let Some(mut server) = servers.block_on(EtcdServer::start()) else {
        return;
    };
    let url = server.url();
    let start = |id: &str| by_etcd(id, &url, EtcdOptions::default().lease_ttl(LEASE));
    let (one, two, three, four) = (start("one"), start("two"), start("three"), start("four"));
    await_agreement("four nodes", &[&one, &two, &three, &four]);

    servers.block_on(server.kill());
    let nodes = [&one, &two, &three];
    await_doubt(&nodes);
    four.die();
    sleep(LEASE); // by now longer than any lease
    server.wipe();
    servers.block_on(server.restart());
    let start = Instant::now();
    // Longer than the grace that follows.
    while start.elapsed() < Duration::from_secs(6) {
        for node in nodes {
            let ids: Vec<_> = node.node.peers().iter().map(ToString::to_string).collect();
            for other in nodes {
                let other = other.node.member().to_string();
                assert!(ids.contains(&other), "{other} is not among {ids:?}");
            }
        }
        sleep(Duration::from_millis(1));
    }
    await_agreement("one dead, which has not come back", &nodes);
}

#[test]
fn nodes_agree_by_etcd_over_connections_that_break() {
    let servers = Runtime::new().unwrap();
    let Some(server) = servers.block_on(EtcdServer::start()) else {
        return;
    };
    let proxy = servers.block_on(Proxy::start(server.address()));
    let url = format!("http://{}", proxy.address());
    let start = |id: &str| by_etcd(id, &url, EtcdOptions::default());
    let (one, two) = (start("one"), start("two"));
    await_agreement("two nodes", &[&one, &two]);
    proxy.cut();
    let three = start("three");
    await_agreement("a third, after a cut", &[&one, &two, &three]);
}

#[test]
fn nodes_agree_by_gossip() {
    let seed = format!("127.0.0.1:{}", free_port());
    let start = |id: &str, address: &str| {
        let this = format!("{id}=http://{address}");
        let listen: SocketAddr = address.parse().unwrap();
        let options = GossipOptions::default()
            .interval(Duration::from_millis(100))
            .phi_threshold(30.0)
            .listen(listen);
        Running::start(&this, || Gossip::new([&*seed], options).unwrap())
    };
    let start_anywhere = |id: &str| start(id, &format!("127.0.0.1:{}", free_port()));
    let one = start("one", &seed);
    let (two, three) = (start_anywhere("two"), start_anywhere("three"));
    await_agreement("three nodes", &[&one, &two, &three]);
    let four = start_anywhere("four");
    await_agreement("a fourth", &[&one, &two, &three, &four]);
    one.die(); // the seed
    await_agreement("one dead, by its silence", &[&two, &three, &four]);
    three.leave();
    await_agreement("one left", &[&two, &four]);
}

/// A port that is free on the addresses 127.0.0.1 to 127.0.0.4.
fn shared_port() -> u16 {
    loop {
        let port = free_port();
        let free = |n: u8| TcpListener::bind(SocketAddr::from(([127, 0, 0, n], port))).is_ok();
        if (1..=4).all(free) {
            return port;
        }
    }
}

#[cfg(target_os = "linux")] // where all of 127.0.0.0/8 is the local machine
#[test]
fn nodes_agree_by_dns() {
    const HOSTS: [(&str, &str); 4] = [
        ("127.0.0.1", "cache.test"),
        ("127.0.0.2", "cache.test"),
        ("127.0.0.3", "cache.test"),
        ("127.0.0.4", "cache.test"),
    ];
    let servers = Runtime::new().unwrap();
    let Some(mut server) = servers.block_on(NameServer::start(&HOSTS[..3])) else {
        return;
    };
    let port = shared_port();
    let options = DnsOptions::default()
        .name_servers([server.address()])
        .timeout(Duration::from_millis(500));
    let start = |n: usize| {
        let options = options.clone();
        let this = format!("http://127.0.0.{n}:{port}");
        Running::start(&this, || {
            Dns::addresses("cache.test", port, options).unwrap()
        })
    };
    let (one, two, three) = (start(1), start(2), start(3));
    await_agreement("three nodes", &[&one, &two, &three]);
    servers.block_on(server.change(&HOSTS));
    let four = start(4);
    await_agreement("a fourth", &[&one, &two, &three, &four]);

    servers.block_on(server.kill());
    await_doubt(&[&one, &two, &three, &four]);
    two.die();
    server.write(&[HOSTS[0], HOSTS[2], HOSTS[3]]);
    servers.block_on(server.restart(&["--local-ttl=1"]));
    await_agreement("one dead, once its record is gone", &[&one, &three, &four]);
    servers.block_on(server.change(&[HOSTS[0], HOSTS[3]]));
    three.leave();
    await_agreement("one left", &[&one, &four]);
}

fn slice(pods: &[(u8, bool)], port: u16) -> Value {
    let endpoints = pods.iter().map(|(n, is_ready)| {
        json!({
            "addresses": [format!("127.0.0.{n}")],
            "conditions": {"ready": is_ready},
            "targetRef": {"kind": "Pod", "name": format!("pod-{n}")},
        })
    });
    json!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "metadata": {"namespace": "prod"},
        "addressType": "IPv4", "ports": [{"name": "peers", "port": port}],
        "endpoints": endpoints.collect::<Vec<_>>(),
    })
}

#[cfg(target_os = "linux")] // where all of 127.0.0.0/8 is the local machine
#[test]
fn nodes_agree_by_kubernetes() {
    let servers = Runtime::new().unwrap();
    let server = servers.block_on(ApiServer::start());
    let port = shared_port();
    server.put(
        "a",
        slice(&[(1, true), (2, true), (3, true), (4, false)], port),
    );
    let start = |n: u8| {
        Running::start(&format!("pod-{n}=http://127.0.0.{n}:{port}"), || {
            let client = Client::try_from(Config::new(server.url().parse().unwrap()));
            let source = Kubernetes::new("prod", "cache", KubernetesOptions::default()).unwrap();
            source.with_client(client.unwrap())
        })
    };
    let (one, two, three) = (start(1), start(2), start(3));
    await_agreement("three pods", &[&one, &two, &three]);
    let four = start(4);
    server.put(
        "a",
        slice(&[(1, true), (2, true), (3, true), (4, true)], port),
    );
    await_agreement("a fourth", &[&one, &two, &three, &four]);

    server.go_down();
    await_doubt(&[&one, &two, &three, &four]);
    two.die();
    server.put(
        "a",
        slice(&[(1, true), (2, false), (3, true), (4, true)], port),
    );
    server.come_back();
    await_agreement("one dead, once it is not ready", &[&one, &three, &four]);
    server.put("a", slice(&[(1, true), (4, true)], port));
    three.leave();
    await_agreement("one left", &[&one, &four]);
}
