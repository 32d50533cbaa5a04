//! Whole clusters in one thread, on a simulated network and clock, with faults and clients that follow from a seed. A
//! checker reads what the clients saw, and knows the promises.
//!
//! ```sh
//! cargo test -p groupcache-rs --test simulator                              # some seeds, in calm weather
//! cargo test -p groupcache-rs --test simulator -- --storm --seeds 1000      # with faults
//! cargo test -p groupcache-rs --test simulator -- --storm --seed 42         # one seed: the smallest run that fails
//! ```
//!
//! Nodes are whole nodes. Their transport is simulated message by message (`post`), and faults are faults of messages:
//! what a network does to bytes is tested elsewhere. The checker's rules are stronger than what `docs/promises.md` says,
//! so that a storm finds runs that break them. Only runs in calm weather, which break none, are among the tests.

#![allow(unreachable_pub, reason = "nothing here is reachable from outside")]

mod checker;
mod database;
mod entropy;
mod history;
mod plan;
mod post;
mod random;
mod runs;
mod shrink;
mod world;

use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::thread;
use std::time::Instant;

use clap::Parser;

use plan::Plan;
use runs::{run, run_twice};

#[derive(Parser)]
#[command(ignore_errors = true)] // `cargo test` may pass options of its own
struct Options {
    /// Run this seed alone. If it fails, print the history of the smallest run that does.
    #[arg(long)]
    seed: Option<u64>,
    /// Run so many seeds, each twice to see whether all of it follows from the seed.
    #[arg(long, default_value_t = 100)]
    seeds: u64,
    /// The first of them.
    #[arg(long, default_value_t = 0)]
    first: u64,
    /// With faults of the network, crashes, and changes of the members.
    #[arg(long)]
    storm: bool,
    /// Print every message, also those that bring nothing new.
    #[arg(long)]
    all: bool,
}

fn main() -> ExitCode {
    let options = Options::parse();
    match options.seed {
        Some(seed) => one(seed, &options),
        None => many(&options),
    }
}

fn plan(seed: u64, options: &Options) -> Plan {
    let plan = Plan::of(seed);
    match options.storm {
        true => plan,
        false => plan.calm(),
    }
}

fn one(seed: u64, options: &Options) -> ExitCode {
    let plan = plan(seed, options);
    let Err(failure) = run(&plan) else {
        println!("seed {seed} breaks no rule");
        return ExitCode::SUCCESS;
    };
    println!("seed {seed}: {}", failure.rule);
    let (plan, failure) = shrink::shrink(plan, failure);
    let (nodes, keys, actions) = (plan.nodes, plan.keys, plan.actions.len());
    println!(
        "\nThe smallest run that was found has {nodes} nodes, {keys} keys, {actions} actions."
    );
    println!("{:?}\n", plan.settings);
    let until = &failure.history[..=failure.place];
    for (place, (at, event)) in until.iter().enumerate() {
        if options.all || !event.is_routine() {
            let mark = if place == failure.place { ">" } else { " " };
            println!("{mark} {:8.3}  {event}", at.as_secs_f64());
        }
    }
    println!("\n{}", failure.rule);
    ExitCode::FAILURE
}

fn many(options: &Options) -> ExitCode {
    let start = Instant::now();
    let (next, failed) = (AtomicU64::new(options.first), AtomicUsize::new(0));
    let threads = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Relaxed);
                    if seed - options.first >= options.seeds {
                        return;
                    }
                    if let Err(rule) = run_twice(&plan(seed, options)) {
                        failed.fetch_add(1, Relaxed);
                        println!("seed {seed}: {rule}");
                    }
                }
            });
        }
    });
    let (seeds, failed) = (options.seeds, failed.into_inner());
    println!(
        "{seeds} seeds, {failed} of them broke a rule, {:.1?}",
        start.elapsed()
    );
    if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
