//! The main job: a slow database, a few nodes in front of it, and a crowd.
//!
//! Starts a [`dbserver`] and several [`frontend`]s as processes of their own, sends them a stampede
//! on one key and then a skewed load, and tells how often the database was asked.

mod chaos;
mod chart;
mod crowd;
mod database;
mod demo;
mod executable;
mod flooder;
mod golang;
mod nodes;
mod plan;
mod process;
mod report;
mod rows;
mod sample;
mod soak;
mod tally;

use std::ffi::OsString;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use indicatif::ProgressBar;
use peers::Protocol;

use crate::{BoxError, dbserver, frontend, program};
use chaos::Scenario;
use database::Database;
use executable::Executable;
use golang::Golang;
use nodes::{Home, Nodes};
use plan::Plan;

/// Starts a slow database and a cluster of nodes in front of it, lets a crowd loose on them, and
/// tells how often the database was asked.
#[derive(Debug, Parser)]
#[command(name = "cluster", version)]
pub struct Options {
    /// Nodes.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=64))]
    nodes: u16,
    /// Requests of the load.
    #[arg(long, default_value_t = 100_000)]
    requests: u64,
    /// Callers that wait for an answer at once.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..))]
    concurrency: u16,
    /// Keys that the load asks for.
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    keys: u32,
    /// Exponent of Zipf's law: how much more popular some keys are than others; 0 is not at all.
    #[arg(long, value_name = "S", default_value_t = 1.0, value_parser = crate::zipf::exponent)]
    zipf: f64,
    /// Bytes of a value.
    #[arg(long, default_value_t = 1024, value_parser = clap::value_parser!(u32).range(..=1 << 20))]
    value_bytes: u32,
    /// Milliseconds that every read of the database takes.
    #[arg(long, value_name = "MS", default_value_t = 100)]
    delay: u64,
    /// Callers of the stampede; 0 leaves it out.
    #[arg(long, default_value_t = 1_000)]
    stampede: u32,
    /// Bytes that each node's cache may take.
    #[arg(long, default_value_t = 64 << 20)]
    cache_bytes: usize,
    /// Keep a copy of each value on a second node, so that a crash loses little.
    #[arg(long)]
    standby: bool,
    /// Wire format and ring of the nodes.
    #[arg(long, value_name = "P", default_value_t)]
    protocol: Protocol,
    /// End the load after this many seconds, if the requests have not.
    #[arg(long, default_value_t = 30)]
    seconds: u64,
    /// Kill a node on the way, and start it again. With scenarios: warm a cluster up, and put it under load before, while
    /// and after each of them happens.
    #[arg(
        long,
        value_name = "SCENARIO,..",
        value_enum,
        num_args = 0..,
        require_equals = true,
        value_delimiter = ','
    )]
    chaos: Option<Vec<Scenario>>,
    /// Have real golang/groupcache clusters go through the scenarios too. Needs Go.
    #[arg(long, requires = "chaos")]
    golang: bool,
    /// Put a warm cluster under half of the load that it can bear for this many seconds, and fail if its nodes hold more and
    /// more memory, descriptors, threads or tasks.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(2..), conflicts_with = "chaos")]
    soak: Option<u64>,
    /// While soaking, have a node leave and start again every so many seconds [default: never].
    #[arg(long, value_name = "SECONDS", requires = "soak")]
    restart_every: Option<u64>,
    /// Connections of the flood.
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    flood_connections: u32,
    /// Callers of a herd.
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    herd: u32,
    /// This process is in a network of its own.
    #[arg(long, hide = true)]
    in_own_network: bool,
    /// Print one JSON object and nothing else.
    #[arg(long)]
    json: bool,
}

/// The program, which is also the programs it starts: `cargo run --bin cluster` builds one
/// executable, so a first argument `dbserver`, `flooder` or `frontend` makes it that one.
pub fn main() -> ExitCode {
    let mut args: Vec<OsString> = std::env::args_os().collect();
    match args.get(1).and_then(|first| first.to_str()) {
        Some("dbserver") => program::main_with(args.split_off(1), dbserver::run),
        Some("flooder") => program::main_with(args.split_off(1), flooder::run),
        Some("frontend") => program::main_with(args.split_off(1), frontend::run),
        _ => program::main_with(args, run),
    }
}

/// Runs the demo to its end or to Ctrl-C. Every process it started is gone when it returns.
///
/// # Errors
///
/// When a process does not start, a request fails, or a key was loaded more than once although all
/// nodes were up.
pub async fn run(options: Options) -> Result<(), BoxError> {
    let loses_a_node = options.chaos.is_some() || options.restart_every.is_some();
    if loses_a_node && options.nodes < 2 {
        return Err("a second node is needed, for the callers to go to".into());
    }
    if options.golang && options.chaos.as_ref().is_some_and(Vec::is_empty) {
        return Err("--golang needs scenarios, as in --chaos=kill".into());
    }
    tokio::select! {
        done = main_job(&options) => done,
        _ = program::stop_requested(false) => Err("interrupted".into()),
    }
}

async fn main_job(options: &Options) -> Result<(), BoxError> {
    if let Some(seconds) = options.soak {
        return soak::run(options, Duration::from_secs(seconds)).await;
    }
    match options.chaos.as_deref() {
        None | Some([]) => demo::run(options).await,
        Some(scenarios) => with_chaos(options, scenarios.to_vec()).await,
    }
}

async fn with_chaos(options: &Options, mut scenarios: Vec<Scenario>) -> Result<(), BoxError> {
    if scenarios.contains(&Scenario::Partition) && !options.in_own_network {
        if options.golang {
            // Its modules come from a network that there is no way to from the other one.
            Golang::build().await?;
        }
        let reason = chaos::enter_network("--in-own-network").await;
        eprintln!("!!! SKIPPED: partition needs network namespaces: {reason}");
        scenarios.retain(|&scenario| scenario != Scenario::Partition);
    }
    let golang = match options.golang {
        true => Some(Golang::build().await?),
        false => None,
    };
    chaos::perform(options, &scenarios, golang.as_ref()).await
}

impl Options {
    /// The flags of our nodes.
    fn node_flags(&self, database: &Database) -> Vec<String> {
        let mut flags = vec![
            format!("--db={}", database.url()),
            format!("--protocol={}", self.protocol),
            format!("--cache-bytes={}", self.cache_bytes),
        ];
        flags.extend(self.standby.then(|| "--standby".into()));
        flags
    }

    /// Starts our nodes on this machine.
    async fn start_nodes(&self, database: &Database) -> Result<Nodes, BoxError> {
        let homes = vec![Home::local(Executable::of("frontend")?); self.nodes.into()];
        Nodes::start(homes, self.node_flags(database)).await
    }

    /// What the callers of a load are to do: as much as they can.
    fn plan(&self) -> Plan {
        Plan {
            requests: self.requests,
            callers: self.concurrency,
            keys: self.keys as usize,
            zipf: self.zipf,
            limit: Duration::from_secs(self.seconds),
            per_second: None,
            is_over: Arc::default(),
            bar: ProgressBar::hidden(),
        }
    }
}

/// As many connections as this process may have, with a ninth of its descriptors and some more to spare for other things.
fn affordable(connections: u32) -> u32 {
    const SPARE: u64 = 100;
    let wanted = SPARE + u64::from(connections) * 9 / 8;
    let limit = rlimit::increase_nofile_limit(wanted).unwrap_or(256);
    let limit = limit.saturating_sub(SPARE) * 8 / 9;
    connections.min(u32::try_from(limit).unwrap_or(u32::MAX))
}
