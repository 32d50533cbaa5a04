//! What is cached on another node is looked for there before the getter is called, where the protocol
//! has a word for "only if you have it".

use groupcache::{GetOptions, Mode, Never};

use crate::mixed::{GO, Mixed, loads_by};
use crate::program::Program;
use crate::source::value_of;

const PEEK: Mode = Mode::Peek;

fn only(mode: Mode) -> GetOptions {
    GetOptions::default().mode(mode)
}

pub async fn a_peek_finds_what_the_owner_has_and_has_nothing_loaded(program: Program) {
    let mixed = Mixed::start_without_mirrors(program).await;
    for owner in [1, GO] {
        let (group, key) = (&mixed.groups[0], mixed.key_owned_by(owner, "peeked "));
        let error = group.get_with(&key, only(PEEK)).await.unwrap_err();
        assert!(error.is_not_found(), "{error}");
        assert_eq!(mixed.loads_of(&key).await, [0, 0, 0]);
        mixed.get(owner, &key).await.unwrap();
        for mode in [PEEK, Mode::NoPeerLoad] {
            let entry = group.get_with(&key, only(mode)).await.unwrap();
            assert_eq!(*entry.value(), value_of(key.as_bytes()));
        }
        assert_eq!(mixed.loads_of(&key).await, loads_by(owner, 1));
    }
}

pub async fn a_peek_is_unsupported(program: Program) {
    let mixed = Mixed::start_without_mirrors(program).await;
    let (group, key) = (&mixed.groups[0], mixed.key_owned_by(GO, "peeked "));
    mixed.get(GO, &key).await.unwrap();
    let error = group.get_with(&key, only(PEEK)).await.unwrap_err();
    assert!(error.is_unsupported(), "{error}");
    // Who wants no other node to load gets the value all the same.
    let entry = group.get_with(&key, only(Mode::NoPeerLoad)).await.unwrap();
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

/// Every request of such a protocol is one for a load.
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

/// The program is one that has been told to peek.
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
    // What nobody has yet, it loads.
    let key = mixed.key_owned_by(GO, "new ");
    assert_eq!(mixed.get(GO, &key).await, Ok(value_of(key.as_bytes())));
    assert_eq!(mixed.loads_of(&key).await, loads_by(GO, 1));
}
