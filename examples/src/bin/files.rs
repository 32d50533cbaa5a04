//! See [`groupcache_examples::files`].

use std::process::ExitCode;

use groupcache_examples::{files, program};

fn main() -> ExitCode {
    program::main(files::run)
}
