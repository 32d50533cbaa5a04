//! Mixed clusters: two nodes of ours and a real Go program of the family.
//!
//! The programs are those of `peers/tests/interop`; `GROUPCACHE_INTEROP_BIN` names the folder they
//! were built into. `.ci/run interop` builds them and runs these tests.
//!
//! Each member of the family has a file of tests here; the others are the harness they share.

#![allow(unreachable_pub, reason = "nothing here is reachable from outside")]

mod go_node;
mod golang;
mod keys;
mod mixed;
mod source;
