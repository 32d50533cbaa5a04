//! vimeo/galaxycache, version 1.3.1, over HTTP.
//!
//! # Keys that a Go node asks nobody for
//!
//! Its client makes its URLs with `JoinPath`, which cleans the path: of the keys `""`, `.` and `..`
//! nothing is left. What remains names no key, so it is refused, and the Go node loads the value
//! itself. Ours escape the dots, and Go's server takes an empty key that it is asked for; so a Go
//! owner is asked for them.
//!
//! # Errors
//!
//! "Not found" is final, as the galaxy's status header tells it from a missing galaxy. A failure of the
//! getter is a bare 500, after which whoever asked loads the value itself.
//!
//! # Peeks
//!
//! A node may be asked for what it has and nothing more. A node of ours that has become an owner asks
//! the former one so, and a Go node that has joined and is configured to do so asks who would own the
//! key without it.
//!
//! # What it has not
//!
//! Sets and removals; and in this version expiry, which came with 1.4. See
//! `peers/tests/interop/README.md`.

use groupcache::Protocol;

use crate::checks::{checks, common_checks, galaxycache_checks};
use crate::program::Program;

const GALAXYCACHE: Program = Program {
    group: ASCII_GROUP,
    never_asked_for: &[b"", b".", b".."],
    ..Program::new("galaxycache", Protocol::Galaxycache)
};

/// A group's name is a tag of its metrics, which is ASCII or a panic.
pub const ASCII_GROUP: &str = "sizes +1 %2B ";

const PEEKING: Program = Program {
    flags: &["--peek"],
    ..GALAXYCACHE
};

common_checks!(GALAXYCACHE);
galaxycache_checks!(GALAXYCACHE);
checks! { GALAXYCACHE => empty_and_large_values_cross_in_both_directions }

checks! { PEEKING => a_go_node_that_joins_takes_over_what_ours_have }
