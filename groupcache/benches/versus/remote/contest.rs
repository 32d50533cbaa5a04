//! Runs all subjects in turn, over and over, so that a disturbance affects all alike.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use super::cases::Case;
use super::load::{Load, Timing};
use super::results::{Results, Sample};
use super::subject::{SUBJECTS, Sides};
use super::usage::processor_time;
use crate::go::Modules;
use crate::process::Process;

/// How many rounds, and how long.
#[derive(Clone, Copy)]
pub(super) struct Pace {
    pub(super) rounds: usize,
    /// How long each subject is measured in a round.
    pub(super) measured: Duration,
    /// How long each subject asks before that, because others have just used the processor's caches.
    pub(super) warm_up: Duration,
}

/// The subjects that run, and what they have shown so far.
pub(super) struct Contest {
    pub(super) pace: Pace,
    subjects: Vec<Running>,
    pub(super) results: Results,
    /// Each subject that could not be started or failed in a case, and why.
    pub(super) left_out: Vec<String>,
}

/// A subject whose both sides run.
struct Running {
    name: &'static str,
    sides: Sides,
}

impl Contest {
    /// Starts both sides of all subjects.
    pub(super) fn start(pace: Pace) -> Self {
        let mut contest = Self {
            pace,
            subjects: Vec::new(),
            results: Results::default(),
            left_out: Vec::new(),
        };
        let go = Modules::try_build();
        for subject in SUBJECTS {
            let name = subject.name;
            match subject.start(&go) {
                Ok(sides) => contest.subjects.push(Running { name, sides }),
                Err(error) => contest.leave_out(name, &error),
            }
        }
        contest
    }

    /// Measures the subjects that take part. Each round begins with another one. A subject that fails has no further rounds
    /// of these cases.
    pub(super) fn run(&mut self, cases: &[&Case], takes_part: impl Fn(&str) -> bool) {
        for case in cases {
            eprintln!("{}", case.name);
        }
        let names = self.subjects.iter().map(|subject| subject.name);
        let names: Vec<_> = names.filter(|name| takes_part(name)).collect();
        let mut failed = Vec::new();
        for round in 0..self.pace.rounds {
            for turn in 0..names.len() {
                let name = names[(round + turn) % names.len()];
                if failed.contains(&name) {
                    continue;
                }
                if let Err(error) = self.measure(name, cases) {
                    self.leave_out(name, &error);
                    failed.push(name);
                }
            }
        }
    }

    /// Measures a subject that runs, once in each case.
    fn measure(&mut self, name: &'static str, cases: &[&Case]) -> Result<()> {
        let pace = self.pace;
        for Case { name: case, load } in cases {
            let sides = self.sides(name).context("it does not run")?;
            let sample = measure(sides, *load, pace).with_context(|| case.clone())?;
            self.results.add(case, name, sample);
        }
        Ok(())
    }

    /// Both sides of a subject that runs.
    pub(super) fn sides(&mut self, name: &str) -> Option<&mut Sides> {
        let mut subjects = self.subjects.iter_mut();
        let subject = subjects.find(|subject| subject.name == name)?;
        Some(&mut subject.sides)
    }

    /// Says that a subject is left out, now and below the tables.
    pub(super) fn leave_out(&mut self, name: &str, error: &anyhow::Error) {
        let why = format!("{name}: {error:#}");
        eprintln!("!!! LEFT OUT: {why}");
        self.left_out.push(why);
    }
}

fn measure(sides: &mut Sides, load: Load, pace: Pace) -> Result<Sample> {
    timing(&mut sides.client, load.lasting(pace.warm_up))?;
    let before = processor_times(sides);
    let timing = timing(&mut sides.client, load.lasting(pace.measured))?;
    let after = processor_times(sides);
    let spent = after.zip(before);
    let spent = spent.map(|(after, before)| after.saturating_sub(before));
    let keys = timing.requests * load.batch as f64;
    Ok(Sample {
        keys_per_s: keys / timing.seconds,
        p50_us: timing.p50,
        p99_us: timing.p99,
        p999_us: timing.p999,
        cpu_us: spent.map_or(f64::NAN, |spent| spent.as_secs_f64() * 1e6 / keys),
    })
}

/// What a client answers to a load.
pub(super) fn timing(client: &mut Process, load: Load) -> Result<Timing> {
    client.tell(&load.to_string())?;
    answer(client)
}

/// Waits for that answer.
pub(super) fn answer(client: &mut Process) -> Result<Timing> {
    let line = client.line()?;
    match line.strip_prefix("failed: ") {
        Some(error) => bail!("{error}"),
        None => line.parse(),
    }
}

/// Of both sides together.
fn processor_times(sides: &Sides) -> Option<Duration> {
    Some(processor_time(&sides.client)? + processor_time(&sides.server)?)
}
