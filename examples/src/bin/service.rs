//! See [`groupcache_examples::service`].

use std::process::ExitCode;

use groupcache_examples::{program, service};

fn main() -> ExitCode {
    program::main(service::run)
}
