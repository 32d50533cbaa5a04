//! vimeo/galaxycache, version 1.3.1, over HTTP.
//!
//! # Keys that a Go node asks no peer for
//!
//! galaxycache's client makes its URLs with `JoinPath`, which cleans the path and so removes the
//! keys `""`, `.` and `..`. The server refuses the rest, which names no key, and the Go node loads
//! the value itself. Our client escapes the dots, and Go's server accepts an empty key. So our
//! nodes ask a Go owner for these keys.
//!
//! # Errors
//!
//! "Not found" is final, because the galaxy's status header tells it from a missing galaxy. A
//! failure of the getter is a bare 500, after which the caller loads the value itself.
//!
//! # Peeks
//!
//! A peek asks a node for a cached value, and never for a load. Our node that has become the owner
//! of a key peeks at the former owner. A Go node that has joined, and is configured to peek, peeks
//! at the node that would own the key without it.
//!
//! # Missing features
//!
//! galaxycache has no sets and no removals. This version has no expiry, which came with 1.4. See
//! `peers/tests/interop/README.md`.

use groupcache::Protocol;

use crate::checks::{checks, common_checks, galaxycache_checks};
use crate::program::Program;

const GALAXYCACHE: Program = Program {
    group: ASCII_GROUP,
    never_asked_for: &[b"", b".", b".."],
    ..Program::new("galaxycache", Protocol::Galaxycache)
};

/// A group name in ASCII. galaxycache tags its metrics with the name, and panics on any other.
pub const ASCII_GROUP: &str = "sizes +1 %2B ";

const PEEKING: Program = Program {
    flags: &["--peek"],
    ..GALAXYCACHE
};

common_checks!(GALAXYCACHE);
galaxycache_checks!(GALAXYCACHE);
checks! { GALAXYCACHE => empty_and_large_values_cross_in_both_directions }

checks! { PEEKING => a_go_node_that_joins_takes_over_what_ours_have }
