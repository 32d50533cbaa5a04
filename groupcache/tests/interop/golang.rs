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
//!
//! # What it has not
//!
//! Expiry, sets, removals, and a word for "only if you have it": every request is one for a load.

use groupcache::Protocol;

use crate::checks::{checks, common_checks};
use crate::program::Program;

pub const GOLANG: Program = Program::new("golang", Protocol::Golang);

common_checks!(GOLANG);

checks! { GOLANG =>
    empty_and_large_values_cross_in_both_directions,
    not_found_is_no_answer_between_programs,
    a_getters_error_is_no_answer_between_programs,
    sets_and_removals_are_unsupported_and_done_on_this_node_alone,
    a_peek_is_unsupported,
    a_node_of_ours_that_joins_asks_no_go_node_for_its_own_keys,
    our_nodes_ask_no_go_node_that_leaves_for_their_own_keys,
}
