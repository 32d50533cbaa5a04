//! mailgun/groupcache, version 2.
//!
//! # Escaping
//!
//! mailgun's client escapes a key for a path (`url.PathEscape`): a space becomes `%20`, and a plus
//! sign stays unescaped. mailgun's server decodes the path the same way, so our nodes need no
//! correction. `shared_path.rs` tests this escaping together with golang's on the same path.
//!
//! # Errors
//!
//! 404 is "not found" and 503 a failure of the getter. Both are final for the caller: the getter
//! runs once, and our nodes get the getter's own message.
//!
//! # Sets
//!
//! A Go node that sets a value tells only the key's owner. The mirrors on all other nodes,
//! including the Go node itself, stay unchanged until they expire or are evicted. Our nodes tell
//! every node.

use groupcache::Protocol;

use crate::checks::{common_checks, mailgun_checks};
use crate::mixed::{GO, Mixed};
use crate::program::Program;
use crate::source::value_of;

pub const MAILGUN: Program = Program::new("mailgun", Protocol::Mailgun);

common_checks!(MAILGUN);
mailgun_checks!(MAILGUN);

#[tokio::test]
async fn a_value_that_a_go_node_sets_reaches_the_owner_and_no_mirror() {
    let mixed = Mixed::start_mirroring(MAILGUN).await;
    let key = mixed.key_owned_by(0, "mirrored ");
    for asked in [1, GO] {
        mixed.get(asked, &key).await.unwrap();
    }
    mixed.set(GO, key.as_bytes(), "set").await;
    assert_eq!(mixed.get(0, &key).await.unwrap(), b"set");
    for mirror in [1, GO] {
        assert_eq!(mixed.get(mirror, &key).await, Ok(value_of(key.as_bytes())));
    }
}
