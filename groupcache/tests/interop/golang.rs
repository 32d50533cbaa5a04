//! golang/groupcache.
//!
//! # Escaping
//!
//! golang's client escapes a key as if it stood in a query (`url.QueryEscape`), and its server
//! reads the key as a path. Both agree on everything but the space: the client sends `+`, which in
//! a path is a plus sign. So a Go node that wants `a b` asks the owner for `a+b`. The owner loads
//! and answers the value of `a+b`, or forwards to *that* key's owner. Only a caller on the owner of
//! `a b` itself gets the right value. The client sends a plus sign as `%2B`, which arrives as a
//! plus sign.
//!
//! What we do under `Protocol::Golang`:
//!
//! - As a client we send a space as `%20`, and escape every byte but `A-Za-z0-9-_~`. A Go server
//!   decodes all escapes correctly. An escaped dot is no step in a path, so the keys `.` and `..`
//!   reach the getter of a Go owner. Between Go nodes they do not.
//! - As a server we read `+` as a space. No Go client sends an unescaped plus sign, so no key is
//!   lost.
//!
//! Hence every key that one of our nodes asks for or owns gets the right value. These tests ask for
//! each key through every node. A key with a space stays wrong only between two Go nodes. If our
//! nodes did as golang does there, they would answer one key with the value of another.
//!
//! # Errors
//!
//! golang has no "not found". Its server answers every failure of the getter with a bare 500, after
//! which its clients load the value themselves. Our client takes a bare 500 as no answer either.
//! The owner's successor on the ring then loads the value if it is our node, and its error comes
//! back typed.
//!
//! # Missing features
//!
//! golang has no expiry, sets, removals or peeks: every request asks for a load.

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
