//! Whole clusters in one thread, on a simulated network and clock, with faults and clients that follow from a seed. A
//! checker reads what happened, and knows the promises.
//!
//! ```sh
//! cargo test -p groupcache-rs --test simulator -- --seeds 1000     # the first thousand seeds
//! cargo test -p groupcache-rs --test simulator -- --seed 42        # one seed, its history if it fails, and a smaller one
//! ```

mod checker;
mod database;
mod entropy;
mod history;
mod plan;
mod post;
mod random;
mod shrink;
mod world;

use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use history::Event;
use plan::Plan;

/// A run that broke a rule.
pub struct Failure {
    pub history: Vec<(Duration, Event)>,
    /// The place of the event that broke it.
    pub place: usize,
    pub rule: String,
}

/// Runs a plan in a thread of its own, so that nothing is left of other runs. Returns the rule that was broken.
pub fn run(plan: &Plan) -> Result<u64, Failure> {
    thread::scope(|scope| {
        let run = scope.spawn(|| {
            entropy::follow(plan.seed);
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_time()
                .start_paused(true)
                .build()
                .expect("a runtime without I/O");
            runtime.block_on(world::run(plan))
        });
        let history = match run.join() {
            Ok(history) => history,
            Err(_) => vec![(Duration::ZERO, Event::Broken("the run has panicked".into()))],
        };
        match checker::check(&history) {
            Ok(()) => Ok(fingerprint(&history)),
            Err((place, rule)) => Err(Failure {
                history,
                place,
                rule,
            }),
        }
    })
}

/// Two runs of one seed have the same one.
fn fingerprint(history: &[(Duration, Event)]) -> u64 {
    let text = |sum: u64, (at, event): &(Duration, Event)| {
        let line = format!("{at:?} {event}");
        line.bytes()
            .fold(sum, |sum, byte| random::mixed(sum ^ u64::from(byte)))
    };
    history.iter().fold(0, text)
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |name: &str| {
        let at = arguments.iter().position(|argument| argument == name)?;
        arguments.get(at + 1)?.parse::<u64>().ok()
    };
    match number("--seed") {
        Some(seed) => one(seed),
        None => many(
            number("--first").unwrap_or(0),
            number("--seeds").unwrap_or(20),
        ),
    }
}

fn one(seed: u64) -> ExitCode {
    let plan = Plan::of(seed);
    let Err(failure) = run(&plan) else {
        println!("seed {seed} breaks no rule");
        return ExitCode::SUCCESS;
    };
    println!("seed {seed}: {}", failure.rule);
    let (plan, failure) = shrink::shrink(plan, failure);
    println!(
        "\nThe smallest run found: {} nodes, {} keys, {} actions, {:?}\n",
        plan.nodes,
        plan.keys,
        plan.actions.len(),
        plan.settings
    );
    for (place, (at, event)) in failure.history.iter().enumerate().take(failure.place + 1) {
        let mark = if place == failure.place { ">" } else { " " };
        println!("{mark} {:9.3}  {event}", at.as_secs_f64());
    }
    println!("\n{}", failure.rule);
    ExitCode::FAILURE
}

fn many(first: u64, count: u64) -> ExitCode {
    let start = Instant::now();
    let (next, failed) = (AtomicU64::new(first), AtomicUsize::new(0));
    let threads = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Relaxed);
                    if seed >= first + count {
                        return;
                    }
                    if let Err(failure) = run(&Plan::of(seed)) {
                        failed.fetch_add(1, Relaxed);
                        println!("seed {seed}: {}", failure.rule);
                    }
                }
            });
        }
    });
    let failed = failed.into_inner();
    println!(
        "{count} seeds, {failed} of them broke a rule, {:.1?}",
        start.elapsed()
    );
    if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
