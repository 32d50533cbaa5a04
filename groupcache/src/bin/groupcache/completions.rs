use std::io;

use clap::{Args, Command};
use clap_complete::Shell;

use super::failure::Failure;

/// Writes a script with which a shell completes the commands and options.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// The shell.
    shell: Shell,
}

/// Writes the script for `program`.
pub(super) fn run(options: &Options, mut program: Command) -> Result<(), Failure> {
    // Gathered first, because the generator panics where it cannot write.
    let mut script = Vec::new();
    clap_complete::generate(options.shell, &mut program, "groupcache", &mut script);
    io::Write::write_all(&mut io::stdout(), &script)?;
    Ok(())
}
