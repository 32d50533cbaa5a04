//! Sets, removals and clears. A change has to reach mirrors too, so every node mirrors every value.

use groupcache::Error;

use crate::keys;
use crate::mixed::{GO, Mixed, NODES, loads_by, starting_with};
use crate::program::Program;
use crate::source::{loads_of, value_of};

/// Keys for changes that reach a Go node. Keys that its multiplexer redirects are left out, because
/// some modules send such a removal to themselves. The empty key is left out, because it cannot be
/// set.
fn changeable_keys() -> Vec<Vec<u8>> {
    let mut keys = keys::awkward();
    keys.retain(|key| !matches!(&key[..], b"" | b"." | b".."));
    keys
}

pub async fn a_removal_reaches_every_node_whoever_is_told(program: Program) {
    let mixed = Mixed::start_mirroring(program).await;
    let keys = changeable_keys();
    for (turn, key) in keys.iter().enumerate() {
        for asked in NODES {
            assert_eq!(mixed.get(asked, key).await, Ok(value_of(key)));
        }
        // Every pair of the node that makes the change and the node that is asked first. The latter
        // shows whether it still has the value.
        mixed.remove(turn % 3, key).await;
        for asked in starting_with(turn / 3 % 3) {
            assert_eq!(mixed.get(asked, key).await, Ok(value_of(key)));
        }
    }
    let loads = mixed.loads().await;
    for key in &keys {
        let loads = loads.each_ref().map(|loads| loads_of(loads, key));
        let twice = loads_by(mixed.owner(key), 2);
        assert_eq!(loads, twice, "{}", key.escape_ascii());
    }
}

pub async fn a_value_that_ours_set_replaces_all_others(program: Program) {
    let mixed = Mixed::start_mirroring(program).await;
    let keys = changeable_keys();
    for (turn, key) in keys.iter().enumerate() {
        for asked in NODES {
            assert_eq!(mixed.get(asked, key).await, Ok(value_of(key)));
        }
        mixed.set(turn % 2, key, "set").await;
        for asked in starting_with(turn / 2 % 3) {
            let value = mixed.get(asked, key).await.unwrap();
            assert_eq!(value, b"set", "{} of {asked}", key.escape_ascii());
        }
    }
    nobody_loaded_again(&mixed, &keys, 1).await;
}

pub async fn a_value_that_a_go_node_sets_is_the_one_that_all_get(program: Program) {
    let mixed = Mixed::start_mirroring(program).await;
    let keys = changeable_keys();
    for (turn, key) in keys.iter().enumerate() {
        mixed.set(GO, key, "set").await;
        for asked in starting_with(turn % 3) {
            let value = mixed.get(asked, key).await.unwrap();
            assert_eq!(value, b"set", "{} of {asked}", key.escape_ascii());
        }
    }
    nobody_loaded_again(&mixed, &keys, 0).await;
}

async fn nobody_loaded_again(mixed: &Mixed, keys: &[Vec<u8>], before: u64) {
    let loads = mixed.loads().await;
    for key in keys {
        let loads = loads.each_ref().map(|loads| loads_of(loads, key));
        let expected = loads_by(mixed.owner(key), before);
        assert_eq!(loads, expected, "{}", key.escape_ascii());
    }
}

pub async fn a_clear_is_unsupported_and_done_on_this_node_alone(program: Program) {
    let mixed = Mixed::start(program).await;
    let key = mixed.key_owned_by(0, "cleared ");
    mixed.get(0, &key).await.unwrap();
    is_unsupported(&mixed, mixed.groups[0].clear().await);
    mixed.get(0, &key).await.unwrap();
    assert_eq!(mixed.loads_of(&key).await, [2, 0, 0]);
}

pub async fn sets_and_removals_are_unsupported_and_done_on_this_node_alone(program: Program) {
    let mixed = Mixed::start(program).await;
    let group = &mixed.groups[0];
    let key = mixed.key_owned_by(0, "own ");
    mixed.get(0, &key).await.unwrap();
    is_unsupported(&mixed, group.remove(&key).await);
    mixed.get(0, &key).await.unwrap();
    assert_eq!(mixed.loads_of(&key).await, [2, 0, 0]);
    is_unsupported(&mixed, group.set(&key, "set").await);
    assert_eq!(mixed.get(0, &key).await.unwrap(), b"set");

    let key = mixed.key_owned_by(GO, "theirs ");
    mixed.get(0, &key).await.unwrap();
    is_unsupported(&mixed, group.remove(&key).await);
    is_unsupported(&mixed, group.set(&key, "set").await);
    assert_eq!(mixed.get(0, &key).await, Ok(value_of(key.as_bytes())));
    assert_eq!(mixed.loads_of(&key).await, [0, 0, 1]);
}

/// Checks that the change failed at every peer, because the protocol does not support it.
fn is_unsupported(mixed: &Mixed, result: Result<(), Error>) {
    let error = result.unwrap_err();
    assert!(error.is_unsupported(), "{error}");
    let mut failed: Vec<_> = error.failed_peers().iter().collect();
    failed.sort_by_key(|peer| peer.member().url().to_owned());
    let failed: Vec<_> = failed.iter().map(|peer| peer.member().url()).collect();
    let mut others = [mixed.ours.node(1).member().url().to_owned(), mixed.go.url()];
    others.sort();
    assert_eq!(failed, others);
}
