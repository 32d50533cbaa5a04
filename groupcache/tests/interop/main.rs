//! Mixed clusters: two nodes of ours and a real Go program of the family.
//!
//! The programs are those of `peers/tests/interop`; `GROUPCACHE_INTEROP_BIN` names the folder they
//! were built into. `.ci/run interop` builds them and runs these tests.
//!
//! Each member of the family has a file here, which describes its peculiarities and names the
//! `checks` that hold for it. `shared_path` is about the members that share a path. The other files
//! are the harness.

#![allow(unreachable_pub, reason = "nothing here is reachable from outside")]

mod checks;
mod galaxycache;
#[cfg(feature = "grpc")]
mod galaxycache_grpc;
mod go_node;
mod golang;
mod groupcache_go;
mod keys;
mod mailgun;
mod mixed;
mod program;
mod shared_path;
mod source;
