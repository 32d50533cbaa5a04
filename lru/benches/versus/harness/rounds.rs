//! Measures how long an operation takes.

use std::hint::black_box;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use super::report::Report;
use super::requests::Request;
use super::subject::Subject;

/// Runs one round of a filled subject, and returns nanoseconds per operation. Each thread has requests of its own.
pub(crate) type Round = Box<dyn Fn(&[Vec<Request>]) -> f64>;

/// Subjects that run the same requests in turn.
pub(crate) struct Contest<'a> {
    pub(crate) subjects: Vec<(&'static str, Round)>,
    pub(crate) rounds: usize,
    /// Each reference subject, and the metric that compares with it: a subject's time divided by the reference's time of
    /// the same round.
    pub(crate) references: &'a [(&'static str, &'static str)],
}

impl Contest<'_> {
    /// Runs all subjects in turn, over and over, so that a disturbance affects all alike. Each round begins with another
    /// subject, because each subject leaves its own data in the processor's caches. Reports medians.
    pub(crate) fn run(&self, report: &mut Report, case: &str, requests: &[Vec<Request>]) {
        let mut times = vec![Vec::new(); self.subjects.len()];
        for round in 0..=self.rounds {
            for turn in 0..self.subjects.len() {
                let subject = (round + turn) % self.subjects.len();
                let time = self.subjects[subject].1(requests);
                // The first round only warms up.
                if round > 0 {
                    times[subject].push(time);
                }
            }
        }
        eprintln!("{case}");
        for ((name, _), times) in self.subjects.iter().zip(&times) {
            let time = median(times.clone());
            eprintln!("    {name}: {time:.0} ns");
            report.add(case, name, "ns", time);
        }
        for (reference, metric) in self.references {
            let is_it = |(name, _): &(&str, Round)| name == reference;
            let Some(reference) = self.subjects.iter().position(is_it) else {
                continue;
            };
            for ((name, _), own) in self.subjects.iter().zip(&times) {
                let ratios = own.iter().zip(&times[reference]).map(|(own, of)| own / of);
                report.add(case, name, metric, median(ratios.collect()));
            }
        }
    }
}

/// Rounds of reads.
pub(crate) fn reads<S: Subject>(subject: S) -> (&'static str, Round) {
    let round: Round = Box::new(move |requests| {
        time(requests, |requests| {
            for request in requests {
                let value = subject.get(black_box(request.key()));
                // By reference: a user would not copy the value either.
                black_box(&value);
            }
        })
    });
    (S::NAME, round)
}

/// Nanoseconds per request. All threads run at once, each with requests of its own. Before the measurement, each thread
/// runs the first quarter of its requests, because another subject has just filled the processor's caches with its data.
pub(crate) fn time(requests: &[Vec<Request>], run: impl Fn(&[Request]) + Sync) -> f64 {
    let start = Barrier::new(requests.len());
    let timed = |requests: &[Request]| {
        run(&requests[..requests.len() / 4]);
        start.wait();
        let begin = Instant::now();
        run(requests);
        begin.elapsed()
    };
    let times: Vec<Duration> = thread::scope(|scope| {
        let threads: Vec<_> = requests
            .iter()
            .map(|requests| scope.spawn(|| timed(requests)))
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().expect("a subject panicked"))
            .collect()
    });
    let total: Duration = times.iter().sum();
    total.as_nanos() as f64 / requests.iter().map(Vec::len).sum::<usize>() as f64
}

pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
