use std::thread;
use std::time::Duration;

use super::history::Event;
use super::plan::Plan;
use super::{checker, entropy, world};

/// A run that broke a rule.
pub struct Failure {
    pub history: Events,
    /// The place of the event that broke it.
    pub place: usize,
    pub rule: String,
}

/// What happened, and when.
pub type Events = Vec<(Duration, Event)>;

/// Runs a plan in a thread of its own, so that nothing is left of other runs.
pub fn run(plan: &Plan) -> Result<Events, Failure> {
    let history = thread::scope(|scope| {
        let run = scope.spawn(|| {
            entropy::follow(plan.seed);
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_time()
                .start_paused(true)
                .build()
                .expect("a runtime without I/O");
            runtime.block_on(world::run(plan))
        });
        run.join()
    });
    let panicked = |_| vec![(Duration::ZERO, Event::Broken("the run panicked".into()))];
    let history = history.unwrap_or_else(panicked);
    match checker::check(plan, &history) {
        Ok(()) => Ok(history),
        Err((place, rule)) => Err(Failure {
            history,
            place,
            rule,
        }),
    }
}

/// Runs a plan, and once more to see that nothing but the plan decides what happens. Returns the rule that was broken.
pub fn run_twice(plan: &Plan) -> Result<Events, String> {
    let lines = |events: &Events| {
        let line = |(at, event): &(Duration, Event)| format!("{at:?} {event}");
        events.iter().map(line).collect::<Vec<String>>()
    };
    let events = run(plan).map_err(|failure| failure.rule)?;
    let again = run(plan).map_err(|failure| failure.rule)?;
    let (first, second) = (lines(&events), lines(&again));
    let same = |(one, other): &(&String, &String)| one == other;
    let place = first.iter().zip(&second).take_while(same).count();
    match (first.get(place), second.get(place)) {
        (None, None) => Ok(events),
        (one, other) => Err(format!(
            "a second run went another way: {one:?}, then {other:?}"
        )),
    }
}
