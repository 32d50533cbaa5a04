//! See [`groupcache_examples::owner`].

use std::process::ExitCode;

use groupcache_examples::{owner, program};

fn main() -> ExitCode {
    program::main(owner::run)
}
