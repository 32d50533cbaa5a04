use clap::{Parser, Subcommand};

use super::{check, completions, get, owner, remove, set, stats, top};

/// Asks and watches the nodes of a cluster.
///
/// Exit code 0: all is well. 1: there are findings, or what was asked for did not come about. 2: the options cannot work,
/// or no node answers to begin with.
#[derive(Debug, Parser)]
#[command(name = "groupcache", version)]
pub(super) struct Options {
    /// Write JSON, for scripts; `owner` and `top` a line for each key or reading.
    #[arg(long, global = true)]
    pub(super) json: bool,
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    Get(get::Options),
    Set(set::Options),
    Remove(remove::Options),
    Owner(owner::Options),
    Stats(stats::Options),
    Top(top::Options),
    Check(check::Options),
    Completions(completions::Options),
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_options_do_not_contradict_each_other() {
        Options::command().debug_assert();
    }
}
