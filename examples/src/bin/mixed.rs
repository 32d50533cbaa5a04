//! See [`groupcache_examples::mixed`].

use std::process::ExitCode;

use groupcache_examples::{mixed, program};

fn main() -> ExitCode {
    program::main(mixed::run)
}
