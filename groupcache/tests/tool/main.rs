//! The command-line tool, run as a user would run it: as a process, against nodes that listen on free ports.

mod change;
mod check;
#[path = "../common/mod.rs"]
mod common;
mod hostile;
mod owner;
mod secure;
mod stats;
mod support;
mod usage;
