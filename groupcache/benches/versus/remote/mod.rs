//! A get of a value that another process holds: our nodes beside the servers and crates that users could pick instead.
//!
//! Each subject is two processes, one that serves and one that asks, and all of them run throughout. This process tells one
//! client after another what to ask for, and reads the processor time of its two processes before and after.

mod bars;
mod caller;
mod cases;
mod contest;
mod driver;
mod groupcache_0_3;
mod hyper_h1;
mod in_flight;
mod keys;
mod load;
mod memcached;
mod node;
mod raw_tcp;
mod redis_multiplexed;
mod results;
mod subject;
mod usage;

use std::time::Duration;

use self::cases::{KIB, MIB};
use self::contest::{Contest, Pace};
use self::driver::THREADS;
pub(crate) use self::memcached::server as memcached;
use self::subject::{MEMCACHED, NATIVE, REDIS};
pub(crate) use self::subject::{TASK, listening, task};
use crate::harness::{Args, Report};

/// What the bars are about: sizes of values, and callers. A quick run has these only.
const QUICK: [(usize, usize); 5] = [(KIB, 1), (KIB, 16), (KIB, 64), (64 * KIB, 16), (MIB, 16)];

/// What belongs below the tables.
pub(crate) struct Findings {
    contest: Contest,
    connections: Option<usize>,
}

impl Findings {
    pub(crate) fn print(&self) {
        for why in &self.contest.left_out {
            println!("\n!!! LEFT OUT: {why}");
        }
        bars::print(&self.contest.results, self.connections);
    }
}

pub(crate) fn run(report: &mut Report, args: &Args) -> Findings {
    let mut contest = Contest::start(pace(args));
    gets(report, &mut contest, sizes(args));
    many(report, &mut contest);
    beside(report, &mut contest);
    let connections = connections(report, &mut contest);
    Findings {
        contest,
        connections,
    }
}

fn pace(args: &Args) -> Pace {
    let (rounds, measured, warm_up) = match (args.test, args.quick) {
        (true, _) => (1, 5, 1),
        (false, true) => (5, 120, 30),
        (false, false) => (7, 600, 100),
    };
    Pace {
        rounds,
        measured: Duration::from_millis(measured),
        warm_up: Duration::from_millis(warm_up),
    }
}

fn sizes(args: &Args) -> Vec<(usize, usize)> {
    if args.quick || args.test {
        return QUICK.to_vec();
    }
    let sizes = [100, KIB, 64 * KIB, MIB].into_iter();
    sizes
        .flat_map(|size| [1, 16, 64].map(|callers| (size, callers)))
        .collect()
}

fn gets(report: &mut Report, contest: &mut Contest, sizes: Vec<(usize, usize)>) {
    let Pace {
        rounds, measured, ..
    } = contest.pace;
    report.section(format!(
        "A get of a value that another process has in memory, over loopback: requests per second (rps), percentiles of the \
         time that a request takes, processor time of both sides together per get (cpu_us), and the rate divided by native's \
         in the same round.\n\
         A closed loop of c callers, each with keys of its own; medians of {rounds} rounds of {} ms in turn. The asker \
         keeps no value. {THREADS} threads for each Rust runtime, for memcached and for Go; one for redis.\n\
         memcached, raw TCP and hyper h1 have a connection for each caller; golang keeps up to 64.",
        measured.as_millis(),
    ));
    for (size, callers) in sizes {
        let case = cases::get(size, callers);
        contest.run(&[&case], |_| true);
        contest.results.report(report, &case.name, "rps");
    }
}

fn many(report: &mut Report, contest: &mut Contest) {
    report.section(
        "Requests for many keys at once: keys per second, percentiles of the time that a request takes, cpu_us per key.",
    );
    let case = cases::many();
    contest.run(&[&case], |name| [NATIVE, MEMCACHED, REDIS].contains(&name));
    contest.results.report(report, &case.name, "keys_per_s");
}

fn beside(report: &mut Report, contest: &mut Contest) {
    report.section(
        "Gets of small values, alone and while one more caller asks for a large value, over and over. The callers of native \
         share one connection, and so do those of redis.",
    );
    let cases = [&cases::alone(), &cases::beside()];
    contest.run(&cases, |name| [NATIVE, REDIS].contains(&name));
    for case in cases {
        contest.results.report(report, &case.name, "rps");
    }
}

/// Returns the connections that many gets in flight have used.
fn connections(report: &mut Report, contest: &mut Contest) -> Option<usize> {
    report.section("Many gets in flight to one peer: its TCP connections, and the resident bytes of both sides.");
    let case = cases::in_flight();
    eprintln!("{}", case.name);
    let counted = in_flight::count(contest.sides(NATIVE)?, case.load);
    let counted = counted.inspect_err(|error| contest.leave_out(NATIVE, error));
    let counted = counted.ok()?;
    for (metric, value) in counted.figures() {
        report.add(&case.name, NATIVE, metric, value);
    }
    Some(counted.connections)
}
