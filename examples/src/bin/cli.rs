//! See [`groupcache_examples::cli`].

use std::process::ExitCode;

use groupcache_examples::cli;

fn main() -> ExitCode {
    cli::main()
}
