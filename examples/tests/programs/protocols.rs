//! One script for every protocol: three frontends as processes, asked over `/api/`.

use std::cell::Cell;
use std::time::{Duration, Instant};

use crate::support::{Answer, FRONTEND, Server, frontends};

/// The operations and properties that a protocol can carry besides gets.
#[derive(Clone, Copy)]
struct Carries {
    set: bool,
    remove: bool,
    clear: bool,
    /// When a value expires.
    expiry: bool,
    /// A key with a slash.
    slash: bool,
}

const NATIVE: Carries = Carries {
    set: true,
    remove: true,
    clear: true,
    expiry: true,
    slash: true,
};
const LIKE_MAILGUN: Carries = Carries {
    clear: false,
    ..NATIVE
};
const GETS: Carries = Carries {
    set: false,
    remove: false,
    clear: false,
    expiry: false,
    slash: true,
};
const GETS_WITH_EXPIRY: Carries = Carries {
    expiry: true,
    ..GETS
};
const IPRONKO: Carries = Carries {
    remove: true,
    slash: false,
    ..GETS
};

#[test]
fn native() {
    script("native", NATIVE);
}

#[test]
fn golang() {
    script("golang", GETS);
}

#[test]
fn mailgun() {
    script("mailgun", LIKE_MAILGUN);
}

#[test]
fn groupcache_go() {
    script("groupcache-go", LIKE_MAILGUN);
}

#[test]
fn ipronko() {
    script("ipronko", IPRONKO);
}

#[test]
fn galaxycache() {
    script("galaxycache", GETS_WITH_EXPIRY);
}

#[test]
fn galaxycache_grpc() {
    script("galaxycache-grpc", GETS_WITH_EXPIRY);
}

fn script(protocol: &'static str, carries: Carries) {
    let mut cluster = Cluster::start(protocol);
    gets_are_cached_on_every_node(&cluster);
    keys_behave_on_every_node(&cluster);
    any_bytes_are_a_key(&cluster, carries);
    expired_values_are_loaded_again(&cluster, carries);
    sets_reach_every_node(&cluster, carries);
    removals_reach_every_node(&cluster, carries);
    clears_reach_every_node(&cluster, carries);
    stats_add_up(&cluster);
    peers_change_while_it_runs(&mut cluster);
    stats_add_up(&cluster);
}

/// Frontends that mirror every value they see, and the number of gets that each was asked for.
struct Cluster {
    protocol: &'static str,
    nodes: Vec<Server>,
    gets: Vec<Cell<u64>>,
}

impl Cluster {
    fn start(protocol: &'static str) -> Self {
        let mut cluster = Self {
            protocol,
            nodes: Vec::new(),
            gets: vec![Cell::new(0); 3],
        };
        cluster.nodes = frontends(3, &cluster.args());
        cluster
    }

    /// The flags of every node. Without pauses after failures every get of a failing key is a load.
    fn args(&self) -> [&'static str; 6] {
        let protocol = self.protocol;
        [
            "--protocol",
            protocol,
            "--promoter",
            "always",
            "--failure-pause",
            "0",
        ]
    }

    /// Tells all nodes their members.
    fn agree(&self) {
        let members: Vec<String> = self.nodes.iter().map(Server::url).collect();
        let told = serde_json::json!(members).to_string();
        for node in &self.nodes {
            let answer = node.ask("PUT", "/api/peers", &told);
            assert_eq!(answer.status, 200, "{answer:?}");
            let listed: Vec<String> = serde_json::from_value(node.json("/api/peers")).unwrap();
            assert_eq!(listed.len(), members.len(), "{listed:?}");
            // As a URL, or as ID=URL.
            let is_listed = |url: &String| listed.iter().any(|member| member.ends_with(&**url));
            assert!(members.iter().all(is_listed), "{listed:?}");
        }
    }

    /// The numbers of the nodes.
    fn all(&self) -> std::ops::Range<usize> {
        0..self.nodes.len()
    }

    /// Asks a node for a value. The key is escaped as in a query.
    fn get(&self, node: usize, key: &str) -> Answer {
        self.gets[node].set(self.gets[node].get() + 1);
        self.nodes[node].get(&format!("/api/get?key={key}"))
    }

    /// Asks every node for a value that is there, and returns the number of the key's owner.
    fn owner(&self, key: &str) -> usize {
        let sources: Vec<String> = self.all().map(|node| self.source(node, key)).collect();
        let owners: Vec<usize> = self.all().filter(|&node| sources[node] == "main").collect();
        assert_eq!(owners.len(), 1, "{key}: {sources:?}");
        assert!(
            self.all()
                .all(|node| node == owners[0] || sources[node] == "hot"),
            "{key}: {sources:?}"
        );
        owners[0]
    }

    /// Where a node keeps a value. A node that reads a peer's change log for the first time keeps no mirror
    /// of what it fetches until it has read the log.
    fn source(&self, node: usize, key: &str) -> String {
        let start = Instant::now();
        loop {
            let source = self.get(node, key).source().to_owned();
            if source == "main" || source == "hot" {
                return source;
            }
            assert!(start.elapsed() < Duration::from_secs(30), "{key}: {source}");
        }
    }

    /// A key with a value, its owner, and another node.
    fn key(&self, name: &str, is_owner: impl Fn(usize) -> bool) -> (String, usize, usize) {
        let owned = |key: String| {
            let owner = self.owner(&key);
            is_owner(owner).then(|| (key, owner, (owner + 1) % self.nodes.len()))
        };
        // The last bytes of a key have little effect on the hash functions of some rings.
        let mut keys = (0..100).map(|n| format!("{n}-{name}"));
        keys.find_map(owned).expect("every node owns some key")
    }

    fn stat(&self, node: usize, counter: &str) -> u64 {
        let stats = self.nodes[node].json("/api/stats");
        stats[counter].as_u64().unwrap_or_else(|| panic!("{stats}"))
    }

    /// Getter calls so far, on all nodes.
    fn loads(&self) -> u64 {
        self.all().map(|node| self.stat(node, "getter_calls")).sum()
    }

    /// Asks the node until a condition holds for the answer or for the number of loads since.
    fn until(&self, node: usize, key: &str, is_so: impl Fn(&Answer, u64) -> bool) {
        let (before, start) = (self.loads(), Instant::now());
        while !is_so(&self.get(node, key), self.loads() - before) {
            assert!(start.elapsed() < Duration::from_secs(30), "{key} stays");
        }
    }

    /// Makes a change at a node. If the protocol has no such change, the answer has to say so.
    fn change(&self, node: usize, carries: bool, (method, target): (&str, &str), reason: &str) {
        let answer = self.nodes[node].ask(method, target, "mine");
        if carries {
            assert_eq!((answer.status, &*answer.body), (204, ""), "{target}");
        } else {
            assert_eq!(answer.status, 501, "{target}: {answer:?}");
            assert!(answer.body.contains(reason), "{target}: {answer:?}");
            assert_eq!(answer.body.trim_end().lines().count(), 1, "{answer:?}");
        }
    }
}

fn gets_are_cached_on_every_node(cluster: &Cluster) {
    let before = cluster.loads();
    for n in 0..6 {
        let key = format!("cached-{n}");
        for node in cluster.all() {
            let answer = cluster.get(node, &key);
            let expected = format!("value-of-{key}");
            assert_eq!((answer.status, &*answer.body), (200, &*expected));
        }
        cluster.owner(&key);
    }
    assert_eq!(cluster.loads() - before, 6);
}

/// Errors are answers of the owner. Each costs one getter call on the owner, and none on the node
/// that asks.
fn keys_behave_on_every_node(cluster: &Cluster) {
    for (key, status, text) in [
        ("missing:x", 404, "not found"),
        ("err:x", 502, "told to fail by the key \"err:x\""),
        ("panic:x", 502, "told to panic by the key \"panic:x\""),
        ("size:much:x", 502, "\"much\" in the key is not a number"),
    ] {
        for node in cluster.all() {
            let before = cluster.loads();
            let answer = cluster.get(node, key);
            assert_eq!(answer.status, status, "{key}: {answer:?}");
            assert!(answer.body.contains(text), "{key}: {answer:?}");
            assert_eq!(cluster.loads() - before, 1, "{key}");
        }
    }
    let long = "x".repeat(300_000);
    for (key, body) in [
        ("empty:x", ""),
        ("", "value-of-"),
        ("slow:20:x", "value-of-slow:20:x"),
        ("size:300000:x", &*long),
    ] {
        let before = cluster.loads();
        for node in cluster.all() {
            let answer = cluster.get(node, key);
            assert_eq!((answer.status, &*answer.body), (200, body), "{key}");
        }
        cluster.owner(key);
        assert_eq!(cluster.loads() - before, 1, "{key}");
    }
}

fn any_bytes_are_a_key(cluster: &Cluster, carries: Carries) {
    let bytes: Vec<u8> = (0..=255).filter(|&b| b != b'/' || carries.slash).collect();
    let key: String = bytes.iter().map(|byte| format!("%{byte:02x}")).collect();
    let before = cluster.loads();
    for node in cluster.all() {
        let answer = cluster.get(node, &key);
        assert_eq!(answer.status, 200);
        assert_eq!(answer.bytes, [b"value-of-", &*bytes].concat());
    }
    assert_eq!(cluster.loads() - before, 1);
    if !carries.slash {
        // No other node can be asked, so every node has its own value.
        for node in cluster.all() {
            assert_eq!(cluster.get(node, "a/b").body, "value-of-a/b");
            assert_eq!(cluster.get(node, "a/b").source(), "main");
        }
    }
}

fn expired_values_are_loaded_again(cluster: &Cluster, carries: Carries) {
    let before = cluster.loads();
    for _ in 0..2 {
        cluster.owner("ttl:3600000:x");
    }
    assert_eq!(cluster.loads() - before, 1);

    // The life is long enough for a few gets, and short enough to wait for its end. The key's owner
    // is the node whose getter is called.
    let short = "ttl:40:x";
    let is_loaded_again = |answer: &Answer, loads: u64| {
        assert_eq!((answer.status, &*answer.body), (200, "value-of-ttl:40:x"));
        loads > 0
    };
    let calls = || cluster.all().map(|node| cluster.stat(node, "getter_calls"));
    let before: Vec<u64> = calls().collect();
    cluster.get(0, short);
    let owner = calls()
        .zip(before)
        .position(|(after, before)| after > before);
    cluster.until(owner.unwrap(), short, is_loaded_again);
    for node in cluster.all().filter(|_| carries.expiry) {
        cluster.until(node, short, is_loaded_again);
    }
}

fn sets_reach_every_node(cluster: &Cluster, carries: Carries) {
    for is_set_by_owner in [false, true] {
        let (key, owner, other) = cluster.key("set", |_| true);
        let node = if is_set_by_owner { owner } else { other };
        if is_set_by_owner && !carries.set && carries.remove {
            continue; // an owner only tells the other nodes to forget
        }
        let target = format!("/api/set?key={key}");
        cluster.change(node, carries.set, ("PUT", &target), "has no way to ");
        if !carries.set {
            continue;
        }
        let before = cluster.loads();
        for node in cluster.all() {
            assert_eq!(cluster.get(node, &key).body, "mine");
        }
        assert_eq!(cluster.loads(), before);

        let target = format!("/api/set?key={key}&ttl=40");
        cluster.change(node, true, ("PUT", &target), "");
        for node in cluster.all() {
            cluster.until(node, &key, |answer, _| {
                answer.body == format!("value-of-{key}")
            });
        }
    }
}

fn removals_reach_every_node(cluster: &Cluster, carries: Carries) {
    for node in cluster.all() {
        let (key, ..) = cluster.key("removed", |_| true);
        let before = cluster.loads();
        let target = format!("/api/remove?key={key}");
        let reason = "has no way to remove keys";
        cluster.change(node, carries.remove, ("DELETE", &target), reason);
        if carries.remove {
            for node in cluster.all() {
                let source = cluster.get(node, &key).source().to_owned();
                assert!(["origin", "peer", "main"].contains(&&*source), "{source}");
            }
            assert_eq!(cluster.loads() - before, 1);
        }
        // Removing an absent key is no error.
        let target = "/api/remove?key=never-asked-for";
        cluster.change(node, carries.remove, ("DELETE", target), reason);
    }
}

fn clears_reach_every_node(cluster: &Cluster, carries: Carries) {
    for node in cluster.all() {
        cluster.owner("cleared");
        let reason = "has no way to clear a group";
        cluster.change(node, carries.clear, ("POST", "/api/clear"), reason);
        // This node has forgotten everything, and so have the nodes that the clear could reach.
        for other in cluster.all() {
            let is_empty = cluster.stat(other, "entries") == 0;
            assert_eq!(is_empty, other == node || carries.clear);
        }
    }
}

fn peers_change_while_it_runs(cluster: &mut Cluster) {
    cluster.nodes.pop();
    cluster.gets.pop();
    cluster.agree();
    let (key, _, other) = cluster.key("after-leaving", |owner| owner == 0);
    assert_eq!(cluster.get(other, &key).body, format!("value-of-{key}"));

    cluster.nodes.push(Server::start(FRONTEND, &cluster.args()));
    cluster.gets.push(Cell::new(0));
    cluster.agree();
    let (key, _, other) = cluster.key("after-joining", |owner| owner == 2);
    assert_eq!(cluster.get(other, &key).body, format!("value-of-{key}"));
}

/// Every get is exactly one of seven outcomes.
fn stats_add_up(cluster: &Cluster) {
    for node in cluster.all() {
        let outcomes = [
            "main_hits",
            "hot_hits",
            "stale_hits",
            "fetched",
            "loaded",
            "not_found",
            "failed",
        ];
        let sum: u64 = outcomes
            .map(|counter| cluster.stat(node, counter))
            .iter()
            .sum();
        let gets = cluster.gets[node].get();
        assert_eq!((cluster.stat(node, "gets"), sum), (gets, gets));
    }
}
