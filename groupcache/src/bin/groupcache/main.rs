//! `groupcache`: asks and watches the nodes of a cluster, from a terminal or a script.
//!
//! `get`, `set`, `remove` and `owner` follow the rules that a node follows, because a [`client`] is a node without keys.
//! `stats`, `top` and `check` read the [`report`] of every node, which nodes serve as JSON. What comes from peers is
//! bounded in [`fetch`] and [`gather`], and made [`plain`] before it is shown.
#![forbid(unsafe_code)]
#![cfg_attr(not(test), warn(clippy::unwrap_used, clippy::expect_used))]

mod access;
mod check;
mod client;
mod cluster;
mod completions;
mod failure;
mod fetch;
mod gather;
mod get;
mod group_options;
mod input;
mod keys;
mod nodes_options;
mod numbers;
mod options;
mod output;
mod owner;
mod plain;
mod remove;
mod report;
mod ring;
mod set;
mod stats;
mod sums;
mod top;

use std::process::ExitCode;

use clap::{CommandFactory, Parser};
use serde_json::json;

use failure::Failure;
use options::{Command, Options};
use output::Output;

fn main() -> ExitCode {
    let options = Options::parse();
    let output = Output::new(options.json);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let result = match runtime {
        Ok(runtime) => runtime.block_on(run(options.command, output)),
        Err(error) => Err(Failure::Output(error)),
    };
    match result {
        Ok(code) => code,
        Err(failure) => {
            complain(&failure, output);
            failure.exit_code().into()
        }
    }
}

async fn run(command: Command, output: Output) -> Result<ExitCode, Failure> {
    match command {
        Command::Get(options) => get::run(options, output).await?,
        Command::Set(options) => set::run(options, output).await?,
        Command::Remove(options) => remove::run(options, output).await?,
        Command::Owner(options) => owner::run(options, output).await?,
        Command::Stats(options) => stats::run(options, output).await?,
        Command::Top(options) => top::run(options, output).await?,
        Command::Check(options) => return check::run(options, output).await,
        Command::Completions(options) => completions::run(&options, Options::command())?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Says on stderr what went wrong, and with `--json` on stdout, too.
fn complain(failure: &Failure, output: Output) {
    if failure.exit_code() == 0 {
        return;
    }
    let text = failure.to_string();
    if output.json {
        let mut value = json!({ "error": text });
        if let Failure::Partly { removed, .. } = failure {
            value["removed"] = json!(removed);
        }
        // Where the output is what fails, stderr has the reason.
        _ = output.value(&value);
    }
    eprintln!(
        "error: {}",
        match failure {
            // It names all members that have failed, and the text of each is bounded.
            Failure::Partly { .. } => plain::plain_lines(&text),
            _ => plain::plain(&text),
        }
    );
}
