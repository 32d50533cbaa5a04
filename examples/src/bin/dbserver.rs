//! See [`groupcache_examples::dbserver`].

use std::process::ExitCode;

use groupcache_examples::{dbserver, program};

fn main() -> ExitCode {
    program::main(dbserver::run)
}
