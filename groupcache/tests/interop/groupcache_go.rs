//! groupcache-go, version 3.
//!
//! Escaping and errors are mailgun's. The ring is mailgun's too, but its members are `host:port`.
//!
//! # Sets
//!
//! A Go node that sets a value tells every node, and each node keeps the value in its main cache,
//! whichever node owns the key. Our nodes do the same if a Go node tells them. If one of our nodes
//! sets a value, the owner keeps the value and the other nodes forget theirs.
//!
//! # Several keys removed at once
//!
//! One POST carries the keys that are UTF-8, as JSON. (Our nodes send the other keys one by one.)
//! Go's own `RemoveKeys` leaves three kinds of copies in place:
//!
//! - mirrors, on the Go node that removes, of keys that other nodes own;
//! - mirrors, on a node that owns any of the keys, of keys that it does not own;
//! - copies, on other nodes, of keys that are not UTF-8, which Go's JSON garbles.
//!
//! Our `remove_many` reaches all copies.

use groupcache::Protocol;

use crate::checks::{common_checks, mailgun_checks};
use crate::mixed::{GO, Mixed, NODES, loads_by};
use crate::program::Program;
use crate::source::{loads_of, value_of};

pub const GROUPCACHE_GO: Program = Program::new("groupcachego", Protocol::GroupcacheGo);

common_checks!(GROUPCACHE_GO);
mailgun_checks!(GROUPCACHE_GO);

#[tokio::test]
async fn a_value_that_a_go_node_sets_reaches_every_mirror() {
    let mixed = Mixed::start_mirroring(GROUPCACHE_GO).await;
    for owner in NODES {
        let key = mixed.key_owned_by(owner, "mirrored ");
        for asked in NODES {
            assert_eq!(mixed.get(asked, &key).await, Ok(value_of(key.as_bytes())));
        }
        mixed.set(GO, key.as_bytes(), "set").await;
        for asked in NODES {
            assert_eq!(mixed.get(asked, &key).await.unwrap(), b"set", "{asked}");
        }
    }
}

/// Some keys of one owner, some of which are not UTF-8. Every node has a copy of each.
async fn mirrored_keys(mixed: &Mixed, owner: usize, prefix: &str) -> Vec<Vec<u8>> {
    let texts = mixed.keys_owned_by(owner, prefix).map(String::into_bytes);
    let others = (0_u32..)
        .map(|n| {
            [
                format!("{prefix}{n}").as_bytes(),
                b" \xff\xfe\n\"\x80 and so on",
            ]
            .concat()
        })
        .filter(|key| mixed.owner(key) == owner);
    let keys: Vec<_> = texts.take(20).chain(others.take(3)).collect();
    for key in &keys {
        for asked in NODES {
            assert_eq!(mixed.get(asked, key).await, Ok(value_of(key)));
        }
    }
    keys
}

#[tokio::test]
async fn many_keys_that_ours_remove_are_gone_everywhere() {
    let mixed = Mixed::start_mirroring(GROUPCACHE_GO).await;
    for asked in NODES {
        let mut keys = Vec::new();
        for owner in NODES {
            keys.extend(mirrored_keys(&mixed, owner, &format!("{asked} ")).await);
        }
        mixed.groups[0].remove_many(&keys).await.unwrap();
        for key in &keys {
            assert_eq!(mixed.get(asked, key).await, Ok(value_of(key)));
        }
        let loads = mixed.loads().await;
        for key in &keys {
            let loads = loads.each_ref().map(|loads| loads_of(loads, key));
            let twice = loads_by(mixed.owner(key), 2);
            assert_eq!(loads, twice, "{} of {asked}", key.escape_ascii());
        }
    }
}

#[tokio::test]
async fn many_keys_of_one_owner_that_a_go_node_removes_are_gone_from_ours() {
    let mixed = Mixed::start_mirroring(GROUPCACHE_GO).await;
    for owner in NODES {
        let mut keys = mirrored_keys(&mixed, owner, "").await;
        keys.retain(|key| str::from_utf8(key).is_ok());
        let removed: Vec<&[u8]> = keys.iter().map(Vec::as_slice).collect();
        mixed.go.remove(&removed).await;
        // Ask one of our nodes that does not own the key. It asks the owner unless it kept a
        // mirror.
        let asked = if owner == 0 { 1 } else { 0 };
        for key in &keys {
            assert_eq!(mixed.get(asked, key).await, Ok(value_of(key)));
        }
        let loads = mixed.loads().await;
        for key in &keys {
            let loads = loads.each_ref().map(|loads| loads_of(loads, key));
            let twice = loads_by(owner, 2);
            assert_eq!(loads, twice, "{}", key.escape_ascii());
        }
    }
}
