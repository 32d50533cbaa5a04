//! Whole clusters in one thread, on a simulated network and clock, with faults and clients that follow from a seed. A
//! checker reads what the clients saw, and knows the promises. No run breaks one.
//!
//! ```sh
//! cargo test -p groupcache-rs --test simulator                              # some seeds in each weather
//! cargo test -p groupcache-rs --test simulator -- --storm --seeds 1000      # many, with faults
//! cargo test -p groupcache-rs --test simulator -- --storm --seed 42         # one seed: the smallest run that fails
//! ```
//!
//! Nodes are whole nodes. Their transport is simulated message by message (`post`), and faults are faults of messages:
//! what a network does to bytes is tested elsewhere. `MUTATIONS.md` has the mistakes that the simulator finds.

#![allow(unreachable_pub, reason = "nothing here is reachable from outside")]

mod checker;
mod database;
mod entropy;
mod faults;
mod freshness;
mod history;
mod plan;
mod post;
mod random;
mod runs;
mod seeds;
mod settings;
mod shrink;
mod tally;
mod traffic;
mod value;
mod wall_clock;
mod weather;
mod world;

use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::Instant;

use clap::Parser;

use runs::{run, run_twice};
use seeds::SEEDS;
use tally::Tally;
use weather::Weather::{self, Calm, Dialect, Storm};

/// What runs if nothing is said.
const SOME: [(Weather, u64); 3] = [(Calm, 50), (Storm, 150), (Dialect, 50)];

#[derive(Parser)]
#[command(ignore_errors = true)] // `cargo test` may pass options of its own
struct Options {
    /// Without faults.
    #[arg(long)]
    calm: bool,
    /// With faults of the network, crashes, and changes of the members.
    #[arg(long)]
    storm: bool,
    /// With faults, over a protocol that does not name changes.
    #[arg(long)]
    dialect: bool,
    /// Run this seed alone. If it fails, print the history of the smallest run that does.
    #[arg(long)]
    seed: Option<u64>,
    /// Run so many seeds, each twice to see whether all of it follows from the seed.
    #[arg(long, default_value_t = 100)]
    seeds: u64,
    /// The first of them.
    #[arg(long, default_value_t = 0)]
    first: u64,
    /// Run each seed once, and no more of them when one has failed.
    #[arg(long)]
    until_failure: bool,
    /// Print every message, also those that bring nothing new.
    #[arg(long)]
    all: bool,
}

impl Options {
    fn weather(&self) -> Option<Weather> {
        let named = [
            (self.calm, Calm),
            (self.storm, Storm),
            (self.dialect, Dialect),
        ];
        named.into_iter().find(|named| named.0).map(|named| named.1)
    }
}

fn main() -> ExitCode {
    let options = Options::parse();
    let is_good = match (options.weather(), options.seed) {
        (weather, Some(seed)) => one(weather.unwrap_or(Calm), seed, &options),
        (Some(weather), None) => {
            let seeds = options.first..options.first + options.seeds;
            many(seeds.map(|seed| (weather, seed)), &options)
        }
        (None, None) => {
            let old = SEEDS.iter().map(|&(weather, seed, _)| (weather, seed));
            let of = |(weather, count)| (0..count).map(move |seed| (weather, seed));
            many(old.chain(SOME.into_iter().flat_map(of)), &options)
        }
    };
    match is_good {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

fn one(weather: Weather, seed: u64, options: &Options) -> bool {
    let plan = weather.plan(seed);
    let Err(failure) = run(&plan) else {
        println!("seed {seed} breaks no rule");
        return true;
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
    false
}

/// Runs seeds on all processors. Prints how each one that fails is repeated.
fn many(seeds: impl Iterator<Item = (Weather, u64)> + Send, options: &Options) -> bool {
    let start = Instant::now();
    let (seeds, is_over) = (Mutex::new(seeds), AtomicBool::new(false));
    let (storms, count, failed) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
    let tally = Mutex::new(Tally::default());
    let next = || {
        let mut seeds = seeds.lock().expect("seeds do not panic");
        seeds.next().filter(|_| !is_over.load(Relaxed))
    };
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let work = || {
        while let Some((weather, seed)) = next() {
            count.fetch_add(1, Relaxed);
            storms.fetch_add(u64::from(weather == Storm), Relaxed);
            let plan = weather.plan(seed);
            let ended = match options.until_failure {
                true => run(&plan).map_err(|failure| failure.rule),
                false => run_twice(&plan),
            };
            match ended {
                Ok(history) => tally.lock().expect("a tally does not panic").add(&history),
                Err(rule) => {
                    failed.fetch_add(1, Relaxed);
                    is_over.store(options.until_failure, Relaxed);
                    println!("{} --seed {seed}: {rule}", weather.option());
                }
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(work);
        }
    });
    let (count, failed) = (count.into_inner(), failed.into_inner());
    let took = start.elapsed();
    println!("{count} seeds, {failed} of them broke a rule, {took:.1?}");
    let tally = tally.into_inner().expect("a tally does not panic");
    println!("{}", tally.summary());
    let missing = tally.missing();
    if storms.into_inner() >= 100 && failed == 0 && !missing.is_empty() {
        println!("There have been no {}", missing.join(", no "));
        return false;
    }
    failed == 0
}
