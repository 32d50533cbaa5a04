//! See [`groupcache_examples::frontend`].

use std::process::ExitCode;

use groupcache_examples::{frontend, program};

fn main() -> ExitCode {
    program::main(frontend::run)
}
