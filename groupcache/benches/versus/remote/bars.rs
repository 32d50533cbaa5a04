//! The bars: what our nodes are to reach beside others, in one run.

use super::cases::{self, Case, KIB, MIB};
use super::results::{Metric, Results};
use super::subject::{GOLANG, GOLANG_DIALECT, HYPER_H1, MEMCACHED, NATIVE, RAW_TCP, REDIS};

const RATE: Metric = |sample| sample.keys_per_s;
const CPU: Metric = |sample| sample.cpu_us;
const P50: Metric = |sample| sample.p50_us;
const P99: Metric = |sample| sample.p99_us;

/// What is to be reached, and what has been.
struct Bar {
    name: String,
    bound: Bound,
    /// `None` if it was not measured.
    reached: Option<f64>,
}

enum Bound {
    AtLeast(f64),
    AtMost(f64),
}

use Bound::{AtLeast, AtMost};

/// Prints each bar, the figure that was reached, and whether the bar holds.
pub(super) fn print(results: &Results, connections: Option<usize>) {
    println!("\nThe bars, each a median of the ratios within one round:\n");
    for Bar {
        name,
        bound,
        reached,
    } in bars(results, connections)
    {
        let (word, bound, holds) = match bound {
            AtLeast(least) => ("least", least, reached.map(|reached| reached >= least)),
            AtMost(most) => ("most", most, reached.map(|reached| reached <= most)),
        };
        let verdict = match holds {
            Some(true) => "holds",
            Some(false) => "MISSES",
            None => "NOT MEASURED",
        };
        let reached = reached.map_or_else(|| "-".to_owned(), |reached| format!("{reached:.2}"));
        println!("{verdict:12}  {reached:>8}, at {word:5} {bound:<4}  {name}");
    }
}

fn bars(results: &Results, connections: Option<usize>) -> Vec<Bar> {
    let compare = |bound, metric, what: &str, case: Case, ours, other| Bar {
        name: format!("{}: {what} of {ours} / {other}", case.name),
        bound,
        reached: results.ratio(metric, (&case.name, ours), (&case.name, other)),
    };
    let rate =
        |least, case, ours, other| compare(AtLeast(least), RATE, "keys/s", case, ours, other);
    let cpu = |most, case, other| compare(AtMost(most), CPU, "CPU", case, NATIVE, other);
    let get = cases::get;
    let (alone, beside) = (cases::alone().name, cases::beside().name);
    vec![
        rate(1.3, get(KIB, 64), NATIVE, REDIS),
        rate(2.0, get(KIB, 64), NATIVE, MEMCACHED),
        rate(2.0, get(KIB, 64), NATIVE, RAW_TCP),
        rate(8.0, get(KIB, 64), NATIVE, GOLANG),
        cpu(0.75, get(KIB, 64), REDIS),
        cpu(0.4, get(KIB, 64), MEMCACHED),
        rate(1.0, get(KIB, 16), NATIVE, REDIS),
        compare(AtMost(1.25), P50, "p50", get(KIB, 1), NATIVE, RAW_TCP),
        rate(0.85, get(64 * KIB, 16), NATIVE, RAW_TCP),
        rate(0.85, get(MIB, 16), NATIVE, RAW_TCP),
        rate(0.85, get(KIB, 16), GOLANG_DIALECT, HYPER_H1),
        rate(0.85, get(KIB, 64), GOLANG_DIALECT, HYPER_H1),
        rate(1.5, cases::many(), NATIVE, REDIS),
        Bar {
            name: format!("{}: connections of {NATIVE}", cases::in_flight().name),
            bound: AtMost(4.0),
            reached: connections.map(|connections| connections as f64),
        },
        Bar {
            name: format!("{beside}: p99 of {NATIVE} / the same alone"),
            bound: AtMost(5.0),
            reached: results.ratio(P99, (&beside, NATIVE), (&alone, NATIVE)),
        },
    ]
}
