//! If the protocol has a peek, a new owner looks for the value in another node's cache before it
//! calls the getter.

use groupcache::testing::Cluster;
use groupcache::{GetOptions, Group, Mode, Never};

use crate::go_node::GoNode;
use crate::mixed::{GO, Mixed, loads_by};
use crate::program::Program;
use crate::source::{Source, value_of};

const PEEK: Mode = Mode::Peek;

fn only(mode: Mode) -> GetOptions {
    GetOptions::default().mode(mode)
}

pub async fn a_peek_finds_what_the_owner_has_and_has_nothing_loaded(program: Program) {
    let mixed = Mixed::start_without_mirrors(program).await;
    for owner in [1, GO] {
        let (group, key) = (&mixed.groups[0], mixed.key_owned_by(owner, "peeked "));
        let error = group.get_with_options(&key, only(PEEK)).await.unwrap_err();
        assert!(error.is_not_found(), "{error}");
        assert_eq!(mixed.loads_of(&key).await, [0, 0, 0]);
        mixed.get(owner, &key).await.unwrap();
        for mode in [PEEK, Mode::NoPeerLoad] {
            let entry = group.get_with_options(&key, only(mode)).await.unwrap();
            assert_eq!(*entry.value(), value_of(key.as_bytes()));
        }
        assert_eq!(mixed.loads_of(&key).await, loads_by(owner, 1));
    }
}

pub async fn a_peek_is_unsupported(program: Program) {
    let mixed = Mixed::start_without_mirrors(program).await;
    let (group, key) = (&mixed.groups[0], mixed.key_owned_by(GO, "peeked "));
    mixed.get(GO, &key).await.unwrap();
    let error = group.get_with_options(&key, only(PEEK)).await.unwrap_err();
    assert!(error.is_unsupported(), "{error}");
    // A get that forbids other nodes to load gets the value all the same.
    let entry = group
        .get_with_options(&key, only(Mode::NoPeerLoad))
        .await
        .unwrap();
    assert_eq!(*entry.value(), value_of(key.as_bytes()));
    assert_eq!(mixed.loads_of(&key).await, [1, 0, 1]);
}

pub async fn our_nodes_take_over_what_a_go_node_has_that_leaves(program: Program) {
    let mixed = Mixed::start_without_mirrors(program).await;
    let keys: Vec<_> = mixed.keys_owned_by(GO, "handed over ").take(20).collect();
    for key in &keys {
        mixed.get(GO, key).await.unwrap();
    }
    for node in mixed.ours.nodes() {
        node.set_peers(mixed.our_urls()).unwrap();
    }
    for key in &keys {
        for asked in [0, 1] {
            assert_eq!(mixed.get(asked, key).await, Ok(value_of(key.as_bytes())));
        }
        assert_eq!(mixed.loads_of(key).await, [0, 0, 1], "{key}");
    }
}

pub async fn our_nodes_ask_no_go_node_that_leaves_for_their_own_keys(program: Program) {
    let mixed = Mixed::start_without_mirrors(program).await;
    let keys: Vec<_> = mixed
        .keys_owned_by(GO, "not handed over ")
        .take(20)
        .collect();
    for node in mixed.ours.nodes() {
        node.set_peers(mixed.our_urls()).unwrap();
    }
    for key in &keys {
        for asked in [0, 1] {
            assert_eq!(mixed.get(asked, key).await, Ok(value_of(key.as_bytes())));
        }
        assert_eq!(mixed.our_loads_of(key), 1, "{key}");
    }
    let stats = mixed.go.stats().await;
    assert_eq!((stats.module["gets"], stats.loads.len()), (0, 0));
}

/// A cluster of one Go node, which our node has joined.
struct Joined {
    go: GoNode,
    _ours: Cluster,
    group: Group,
    source: Source,
    /// Keys that our node owns now and that the Go node has loaded.
    keys: Vec<String>,
}

impl Joined {
    async fn start(program: Program) -> Self {
        let name = program.group_name();
        let go = GoNode::start(program, &name).await;
        let keys: Vec<_> = (0..60).map(|n| format!("{n} handed over")).collect();
        for key in &keys {
            go.get(key.as_bytes()).await;
        }
        let url = go.url();
        let ours = Cluster::builder(1)
            .protocol(program.protocol)
            .configure(move |node| node.peers([&url]))
            .start()
            .await
            .unwrap();
        let node = ours.node(0);
        go.set_peers(&[node.member().url().to_owned(), go.url()])
            .await;
        let source = Source::default();
        let group = node.group(name, 1 << 20, source.getter()).build().unwrap();
        let is_own = |key: &String| node.owner(key).as_ref() == Some(node.member());
        let keys: Vec<_> = keys.into_iter().filter(is_own).collect();
        assert!(!keys.is_empty());
        Self {
            go,
            _ours: ours,
            group,
            source,
            keys,
        }
    }

    /// Has our node get its own keys, and returns how many gets the Go node received meanwhile.
    async fn gets(&self) -> u64 {
        let before = self.go.stats().await.module["gets"];
        for key in &self.keys {
            assert_eq!(self.group.get(key).await.unwrap(), value_of(key.as_bytes()));
        }
        self.go.stats().await.module["gets"] - before
    }
}

pub async fn a_node_of_ours_that_joins_takes_over_what_a_go_node_has(program: Program) {
    let joined = Joined::start(program).await;
    let keys = joined.keys.len();
    assert_eq!(joined.gets().await, keys as u64);
    assert!(joined.source.loads().is_empty());
}

/// Every request of such a protocol asks for a load.
pub async fn a_node_of_ours_that_joins_asks_no_go_node_for_its_own_keys(program: Program) {
    let joined = Joined::start(program).await;
    let keys = joined.keys.len();
    assert_eq!(joined.gets().await, 0);
    assert_eq!(joined.source.loads().len(), keys);
}

/// The program is configured to peek.
pub async fn a_go_node_that_joins_takes_over_what_ours_have(program: Program) {
    let mixed = Mixed::start_apart(program, |node| node, |group| group.promoter(Never)).await;
    let keys: Vec<_> = (0..60).map(|n| format!("taken over {n}")).collect();
    for key in &keys {
        mixed.get(0, key).await.unwrap();
    }
    mixed.introduce().await;
    let taken: Vec<_> = keys.iter().filter(|key| mixed.owner(key) == GO).collect();
    assert!(!taken.is_empty());
    for key in &taken {
        assert_eq!(mixed.get(GO, key).await, Ok(value_of(key.as_bytes())));
        let [ours, ours_too, go] = mixed.loads_of(key).await;
        assert_eq!((ours + ours_too, go), (1, 0), "{key}");
    }
    let stats = mixed.go.stats().await;
    assert_eq!(stats.module["peer_peek_hits"], taken.len() as u64);
    // The Go node loads a value that no node has.
    let key = mixed.key_owned_by(GO, "new ");
    assert_eq!(mixed.get(GO, &key).await, Ok(value_of(key.as_bytes())));
    assert_eq!(mixed.loads_of(&key).await, loads_by(GO, 1));
}
