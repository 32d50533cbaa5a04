//! golang/groupcache.
//!
//! # Escaping
//!
//! golang's client escapes a key as if it stood in a query (`url.QueryEscape`), and its server reads
//! it as a path. Both agree on everything but the space: it is sent as `+`, which in a path is a
//! plus sign. So between two Go nodes the owner is asked for `a+b` when somebody wants `a b`, loads
//! and answers the value of `a+b`, or forwards to *that* key's owner; only a caller on the owner of
//! `a b` itself gets the right value. A plus sign is sent as `%2B` and arrives.
//!
//! What we do under `Protocol::Golang`:
//!
//! - As a client we send a space as `%20`, and escape every byte but `A-Za-z0-9-_~`. A Go server
//!   decodes all of them rightly; and a dot that is escaped is no step in a path, so that `.` and
//!   `..` reach the getter of a Go owner, which they do not between Go nodes.
//! - As a server we read `+` as a space. No Go client sends a plus sign as such, so nothing is lost.
//!
//! Hence a key that is asked or owned by a node of ours is right whatever is in it: these tests ask
//! for each key through every node. What stays wrong is a key with a space between two Go nodes,
//! where none of ours is involved. To do as golang does, and agree with *that*, would be to answer
//! one key with another one's value.
//!
//! # Errors
//!
//! golang has no "not found", and answers every failure of its getter with a bare 500, which its own
//! clients take as a reason to load the value themselves. We take it as no answer either: the
//! owner's successor on the ring loads, if that is a node of ours, and its error comes back typed.

use std::sync::Arc;
use std::time::Duration;

use groupcache::testing::Cluster;
use groupcache::{CircuitOptions, Group, Never, Protocol};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::go_node::{GoNode, Signal};
use crate::keys;
use crate::mixed::{GO, Mixed, NODES, Refusal, group_name};
use crate::source::{Source, loads_of, value_of};

async fn start() -> Mixed {
    Mixed::start("golang", Protocol::Golang).await
}

/// The loads of a key that one node has loaded once.
fn by(owner: usize) -> [u64; 3] {
    NODES.map(|node| u64::from(node == owner))
}

#[tokio::test]
async fn every_key_is_loaded_by_its_owner_alone_whoever_is_asked() {
    // Counts are exact without mirrors, and without a look at how things were before.
    let mixed = Mixed::start_with(
        "golang",
        Protocol::Golang,
        |node| node.handoff(Duration::ZERO),
        |group| group.promoter(Never),
    )
    .await;
    let keys = keys::awkward();
    assert!(keys.len() > 300);
    // Whoever is the first to ask, owner or not, Go or not: the turns differ.
    for (turn, key) in keys.iter().enumerate() {
        for step in NODES {
            let asked = (turn + step) % 3;
            let value = mixed.get(asked, key).await;
            assert_eq!(
                value,
                Ok(value_of(key)),
                "{} of {asked}",
                key.escape_ascii()
            );
        }
    }

    let loads = mixed.loads().await;
    for key in &keys {
        let loads = loads.each_ref().map(|loads| loads_of(loads, key));
        assert_eq!(loads, by(mixed.owner(key)), "{}", key.escape_ascii());
    }
    let owned = loads.map(|loads| loads.len() as u64);
    let all = keys.len() as u64;
    assert_eq!(
        owned.iter().sum::<u64>(),
        all,
        "nobody loaded what nobody asked for"
    );
    assert!(owned.iter().all(|&owned| owned > 0), "{owned:?}");

    let module = mixed.go.stats().await.module;
    assert_eq!(module["server_requests"], 2 * owned[GO]);
    assert_eq!(
        (module["peer_loads"], module["peer_errors"]),
        (all - owned[GO], 0)
    );
    for (group, owned) in mixed.groups.iter().zip(owned) {
        let stats = group.stats();
        assert_eq!((stats.peer_gets, stats.peer_errors), (2 * owned, 0));
        assert_eq!((stats.gets, stats.fetched), (all, all - owned));
    }

    // Everything is in memory now.
    for key in &keys {
        for asked in NODES {
            assert_eq!(mixed.get(asked, key).await, Ok(value_of(key)));
        }
    }
    let loads = mixed.loads().await;
    assert_eq!(
        loads.iter().flat_map(|loads| loads.values()).sum::<u64>(),
        all
    );
}

/// golang's protocol has no word for "only if you have it": every request is one for a load.
#[tokio::test]
async fn a_node_of_ours_that_joins_asks_no_go_node_for_its_own_keys() {
    let go = GoNode::start("golang", &group_name()).await;
    let url = go.url();
    let ours = Cluster::builder(1)
        .protocol(Protocol::Golang)
        .configure(move |node| node.peers([&url]))
        .start()
        .await
        .unwrap();
    let this = ours.node(0).member();
    go.set_peers(&[this.to_string(), go.url()]).await;
    let source = Source::default();
    let group = ours
        .node(0)
        .group(group_name(), 1 << 20, source.getter())
        .build()
        .unwrap();
    let keys = (0..).map(|n| format!("key {n}"));
    let own = keys
        .filter(|key| ours.node(0).owner(key).as_ref() == Some(this))
        .take(10);
    for key in own {
        group.get(&key).await.unwrap();
    }
    assert_eq!(source.loads().len(), 10);
    let stats = go.stats().await;
    assert_eq!((stats.module["server_requests"], stats.loads.len()), (0, 0));
}

#[tokio::test]
async fn a_space_and_a_plus_sign_are_told_apart_in_both_directions() {
    let mixed = start().await;
    for owner in NODES {
        for prefix in ["a b", "a+b", "a%20b", "a%2Bb"] {
            let key = mixed.key_owned_by(owner, prefix);
            for asked in NODES
                .into_iter()
                .filter(|&asked| asked != owner)
                .chain([owner])
            {
                assert_eq!(mixed.get(asked, &key).await, Ok(value_of(key.as_bytes())));
            }
            assert_eq!(mixed.loads_of(&key).await, by(owner), "{key}");
        }
    }
}

#[tokio::test]
async fn empty_and_large_values_cross_in_both_directions() {
    let mixed = start().await;
    for owner in NODES {
        for prefix in ["empty:", "size:1048576:", "size:8388608:"] {
            let key = mixed.key_owned_by(owner, prefix);
            for asked in NODES
                .into_iter()
                .filter(|&asked| asked != owner)
                .chain([owner])
            {
                let value = mixed.get(asked, &key).await.unwrap();
                assert!(
                    value == value_of(key.as_bytes()),
                    "{key} of {asked}: {}",
                    value.len()
                );
            }
            assert_eq!(mixed.loads_of(&key).await, by(owner), "{key}");
        }
    }
}

#[tokio::test]
async fn after_a_go_owners_500_one_of_ours_loads_and_the_error_is_typed() {
    let mixed = start().await;
    for (prefix, refusal) in [("missing:", Refusal::NotFound), ("err:", Refusal::Getter)] {
        for asked in [0, 1] {
            let key = mixed.key_owned_by(GO, &format!("{prefix}{asked}:"));
            assert_eq!(mixed.get(asked, &key).await, Err(refusal.clone()), "{key}");
            let [ours, ours_too, go] = mixed.loads_of(&key).await;
            assert_eq!((ours + ours_too, go), (1, 1), "{key}");
        }
    }
}

#[tokio::test]
async fn after_our_500_a_go_node_loads_and_ours_do_not() {
    let mixed = start().await;
    for (prefix, refusal) in [("missing:", Refusal::NotFound), ("err:", Refusal::Getter)] {
        let key = mixed.key_owned_by(0, prefix);
        assert_eq!(mixed.get(GO, &key).await, Err(refusal.clone()));
        assert_eq!(mixed.loads_of(&key).await, [1, 0, 1], "{key}");
        let key = mixed.key_owned_by(0, &format!("{prefix}again:"));
        assert_eq!(mixed.get(1, &key).await, Err(refusal.clone()));
        assert_eq!(mixed.loads_of(&key).await, [1, 0, 0], "{key}");
    }
}

#[tokio::test]
async fn callers_of_a_slow_key_on_all_nodes_cost_one_getter_call() {
    let mixed = Arc::new(start().await);
    for owner in NODES {
        let key = mixed.key_owned_by(owner, "slow:300:");
        let mut callers = JoinSet::new();
        for caller in 0..24 {
            let (mixed, key) = (Arc::clone(&mixed), key.clone());
            callers.spawn(async move { mixed.get(caller % 3, key).await });
        }
        for value in callers.join_all().await {
            assert_eq!(value, Ok(value_of(key.as_bytes())));
        }
        assert_eq!(mixed.loads_of(&key).await, by(owner), "{key}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_get_fails_when_the_go_node_is_told_to_end() {
    no_get_fails_when_the_go_node_ends(Signal::Term).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_get_fails_when_the_go_node_is_killed() {
    no_get_fails_when_the_go_node_ends(Signal::Kill).await;
}

async fn no_get_fails_when_the_go_node_ends(signal: Signal) {
    let mut mixed = start().await;
    let keys = keys::awkward();
    for (turn, key) in keys.iter().enumerate() {
        mixed.get(turn % 3, key).await.unwrap();
    }
    let mut loads = [0, 1].map(|node| Load::on(node, &mixed.groups[node]));
    for load in &mut loads {
        load.serves(200).await;
    }
    mixed.go.stop(signal).await;
    for load in &mut loads {
        load.serves(200).await;
    }
    for load in loads {
        load.end().await;
    }
    for key in &keys {
        for asked in [0, 1] {
            assert_eq!(mixed.get(asked, key).await, Ok(value_of(key)));
        }
    }
    // The survivors agree on who takes over.
    let orphan = mixed.key_owned_by(GO, "orphan");
    for asked in [0, 1] {
        mixed.get(asked, &orphan).await.unwrap();
    }
    assert_eq!(mixed.our_loads_of(&orphan), 1);
}

#[tokio::test]
async fn a_go_node_that_comes_back_is_used_again() {
    let back_off = Duration::from_millis(20);
    let mut mixed = Mixed::start_with(
        "golang",
        Protocol::Golang,
        move |node| node.circuit(CircuitOptions::default().back_off(back_off)),
        |group| group,
    )
    .await;
    mixed.go.stop(Signal::Kill).await;
    for asked in [0, 1] {
        let key = mixed.key_owned_by(GO, &format!("{asked} away "));
        mixed.get(asked, &key).await.unwrap();
        assert_eq!(mixed.our_loads_of(&key), 1);
    }

    mixed.go.restart().await;
    mixed.introduce().await;
    for asked in [0, 1] {
        let prefix = format!("{asked} back ");
        let mut keys = mixed.keys_owned_by(GO, &prefix);
        let used_again = async {
            loop {
                let key = keys.next().unwrap();
                mixed.get(asked, &key).await.unwrap();
                if mixed.our_loads_of(&key) == 0 {
                    return;
                }
            }
        };
        timeout(Duration::from_secs(30), used_again)
            .await
            .expect("the back-off ends");
    }
    for asked in NODES {
        for owner in NODES {
            let key = mixed.key_owned_by(owner, &format!("{asked} as before "));
            assert_eq!(mixed.get(asked, &key).await, Ok(value_of(key.as_bytes())));
            assert_eq!(mixed.loads_of(&key).await, by(owner), "{key}");
        }
    }
}

/// Callers who ask a node for one new key after the other.
struct Load {
    /// One message for each get. Closed, it is the callers' sign to end.
    served: mpsc::UnboundedReceiver<()>,
    callers: JoinSet<()>,
}

impl Load {
    fn on(node: usize, group: &Group) -> Self {
        let (sender, served) = mpsc::unbounded_channel();
        let mut callers = JoinSet::new();
        for caller in 0..4 {
            let (group, sender) = (group.clone(), sender.clone());
            callers.spawn(async move {
                for n in 0.. {
                    let key = format!("{n} of {node}/{caller}");
                    let value = group.get(&key).await.unwrap();
                    assert_eq!(value, value_of(key.as_bytes()));
                    if sender.send(()).is_err() {
                        return;
                    }
                }
            });
        }
        Self { served, callers }
    }

    /// Waits for so many gets that end from now on.
    async fn serves(&mut self, gets: usize) {
        while self.served.try_recv().is_ok() {}
        for _ in 0..gets {
            self.served.recv().await.expect("no get fails");
        }
    }

    /// Stops the callers, none of whom has failed.
    async fn end(self) {
        drop(self.served);
        self.callers.join_all().await;
    }
}
