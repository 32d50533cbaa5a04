//! The main job; see [`groupcache_examples::cluster`].

use std::process::ExitCode;

fn main() -> ExitCode {
    groupcache_examples::cluster::main()
}
