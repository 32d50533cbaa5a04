//! How a cluster scales: simulates clusters of 10 to 10,000 nodes, and tells what each node of them has to do.
//!
//! Nodes, network and time are simulated in one thread, without a random number that does not come from the
//! seed. The rules are the product's own: a [`Router`](peers::Router) with its ring finds owners and former
//! owners, the default [`Promoter`](groupcache::Promoter) of each node decides what the node mirrors, and
//! mirrors stand in the caches of the crate `lru`.
//!
//! Every node is asked equally often, for keys that follow Zipf's law. Main caches have room for all keys.
//! Values do not expire. A first phase warms the caches up and is not counted. The second is the steady
//! phase. In the third, the nodes restart in turn, a twentieth of them at a time: they are gone with all that
//! they have cached, and come back empty.

mod links;
mod mirrors;
mod phase;
mod rates;
mod report;
mod simulation;

use std::io::{self, Write};

use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};

use crate::BoxError;
use report::Report;
use simulation::Simulation;

/// Simulates clusters of many sizes, and tells what each node has to do.
#[derive(Clone, Debug, Parser)]
#[command(name = "scaling", version)]
pub struct Options {
    /// Sizes of the clusters [default: 10,100,1000,10000; with --quick 10,100,1000].
    #[arg(long, value_name = "N,N", value_delimiter = ',', value_parser = clap::value_parser!(u32).range(2..=16_000))]
    nodes: Vec<u32>,
    /// Gets of each node in each phase [default: 500; with --quick 200].
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    gets: Option<u32>,
    /// Gets a second of each node, in simulated time.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    rate: u32,
    /// Keys, for each node of the cluster.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    keys_per_node: u32,
    /// Mirrors that each node has room for.
    #[arg(long, default_value_t = 125, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    mirrors: u32,
    /// Exponent of Zipf's law: how much more popular some keys are than others; 0 is not at all.
    #[arg(long, value_name = "S", default_value_t = 0.99, value_parser = crate::zipf::exponent)]
    zipf: f64,
    /// The same seed gives the same table.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Smaller clusters and fewer gets, to see that it runs.
    #[arg(long)]
    quick: bool,
    /// Print one JSON object and nothing else.
    #[arg(long)]
    json: bool,
}

impl Options {
    fn sizes(&self) -> &[u32] {
        match (&*self.nodes, self.quick) {
            ([], true) => &[10, 100, 1_000],
            ([], false) => &[10, 100, 1_000, 10_000],
            (sizes, _) => sizes,
        }
    }

    fn gets(&self) -> u32 {
        self.gets.unwrap_or(if self.quick { 200 } else { 500 })
    }
}

/// Simulates all clusters, and prints one table.
///
/// # Errors
///
/// When a ring cannot hold the nodes, or stdout is closed.
pub async fn run(options: Options) -> Result<(), BoxError> {
    let mut report = Report::default();
    for size in options.sizes() {
        for has_mirrors in [false, true] {
            let bar = progress_bar(&options, *size);
            let mut simulation = Simulation::new(&options, *size as usize, has_mirrors, &bar)?;
            simulation.warm_up();
            report.add(*size, has_mirrors, "steady", simulation.steady());
            let restart = simulation.rolling_restart()?;
            report.add(*size, has_mirrors, "restart", restart);
            bar.finish_and_clear();
        }
    }
    let text = if options.json {
        report.to_json().to_string()
    } else {
        report.to_table()
    };
    Ok(writeln!(io::stdout(), "{text}")?)
}

/// A bar on stderr, if that is a terminal. It counts the gets of each node.
fn progress_bar(options: &Options, size: u32) -> ProgressBar {
    let bar = ProgressBar::new(3 * u64::from(options.gets()));
    bar.set_message(format!("{size} nodes"));
    let style = ProgressStyle::with_template("  {wide_bar} {percent} % of {msg}");
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
