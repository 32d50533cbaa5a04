//! See [`groupcache_examples::thumbnails`].

use std::process::ExitCode;

use groupcache_examples::{program, thumbnails};

fn main() -> ExitCode {
    program::main(thumbnails::run)
}
