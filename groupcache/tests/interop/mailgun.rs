//! mailgun/groupcache, version 2.
//!
//! # Escaping
//!
//! Its client escapes a key for a path (`url.PathEscape`): a space is `%20`, a plus sign stays as it is,
//! and its server reads it so. There is nothing to put right; see `shared_path.rs` for how this goes
//! together with golang's way on the same path.
//!
//! # Errors
//!
//! 404 is "not found" and 503 a failure of the getter. Both are final for whoever asked: the getter
//! runs once, and ours get the getter's own words.
//!
//! # Sets
//!
//! A Go node that is given a value tells the key's owner and nobody else. What the others mirror, the
//! Go node itself included, stays as it was until it expires or is evicted. Ours tell everybody.

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
