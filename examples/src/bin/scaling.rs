//! How a cluster scales; see [`groupcache_examples::scaling`].

use std::process::ExitCode;

use groupcache_examples::{program, scaling};

fn main() -> ExitCode {
    program::main(scaling::run)
}
