//! What has to hold in each scenario.

use indicatif::{HumanBytes, HumanCount};
use serde::Serialize;

use super::herd;
use super::outcome::Outcome;
use super::scenario::{REQUEST_TIMEOUT, SLOW, Scenario};

/// Something that has to hold, and whether it does.
#[derive(Debug, Serialize)]
pub(super) struct Check {
    pub(super) what: String,
    pub(super) is_met: bool,
    /// It depends on what else the machine does, and does not fail the program.
    pub(super) is_of_time: bool,
}

fn must(what: String, is_met: bool) -> Check {
    Check {
        what,
        is_met,
        is_of_time: false,
    }
}

fn should(what: String, is_met: bool) -> Check {
    Check {
        what,
        is_met,
        is_of_time: true,
    }
}

/// What has to hold of this outcome.
pub(super) fn checks(outcome: &Outcome) -> Vec<Check> {
    let mut checks = vec![no_request_fails(outcome)];
    match outcome.scenario {
        Scenario::Kill => checks.extend([loads_of_a_node(outcome), recovers(outcome)]),
        Scenario::Stop => checks.extend([
            loads_of_a_node(outcome),
            recovers(outcome),
            nobody_waits_past_the_timeout(outcome),
        ]),
        Scenario::Join | Scenario::Leave | Scenario::Rolling => {
            checks.push(hardly_any_load(outcome));
        }
        Scenario::Partition => checks.extend([
            no_key_is_loaded_twice(outcome),
            recovers(outcome),
            nobody_waits_past_the_timeout(outcome),
        ]),
        Scenario::SlowDb => checks.push(nobody_waits(outcome, SLOW.as_micros())),
        Scenario::Flood => {
            checks.push(peers_are_served(outcome));
            checks.extend(memory_stays_bounded(outcome));
        }
        Scenario::Herd => checks.extend([
            one_load(outcome),
            nobody_waits(outcome, herd::DELAY.as_micros()),
        ]),
        Scenario::HerdWaits => checks.push(one_load(outcome)),
    }
    checks
}

fn no_request_fails(outcome: &Outcome) -> Check {
    let (errors, reasons) = (outcome.errors(), outcome.reasons().join("; "));
    let what = match errors {
        0 => "no request fails".into(),
        _ => format!("no request fails: {} did: {reasons}", HumanCount(errors)),
    };
    must(what, errors == 0)
}

/// At most so many extra loads for each of some keys: what to say of it, and whether it holds.
fn loads_for_each(most: f64, outcome: &Outcome, keys: u64, which: &str) -> (String, bool) {
    let loads = outcome.reads();
    let what = format!(
        "at most {most} extra loads for each {which}: {} for {}, {:.3} for each",
        HumanCount(loads),
        HumanCount(keys),
        loads as f64 / keys.max(1) as f64,
    );
    (what, loads as f64 <= most * keys as f64)
}

/// A tenth with copies on standby.
fn loads_of_a_node(outcome: &Outcome) -> Check {
    let most = if outcome.has_standby { 0.1 } else { 1.1 };
    let keys = outcome.victims_keys.unwrap_or(0);
    let (what, is_met) = loads_for_each(most, outcome, keys, "of the node's keys");
    must(what, is_met)
}

fn hardly_any_load(outcome: &Outcome) -> Check {
    let share = outcome.reads() as f64 / outcome.keys as f64;
    let loads = HumanCount(outcome.reads());
    let what = format!(
        "extra loads of at most 2 % of the keys: {loads}, {:.2} %",
        share * 100.0
    );
    must(what, share <= 0.02)
}

/// Otherwise other nodes would load the values that the flooded one has.
fn peers_are_served(outcome: &Outcome) -> Check {
    let keys = outcome.victims_keys.unwrap_or(0);
    let (what, is_met) = loads_for_each(0.1, outcome, keys, "of the node's keys");
    should(format!("the node serves its peers, with {what}"), is_met)
}

/// Each side of a partition may load what the other one has.
fn no_key_is_loaded_twice(outcome: &Outcome) -> Check {
    let (what, is_met) = loads_for_each(1.1, outcome, outcome.keys, "key");
    must(what, is_met)
}

fn recovers(outcome: &Outcome) -> Check {
    let recovered = outcome.recovered_after();
    let what = match recovered {
        Some(0) => "the p99 is back within 2 s: it never went up".into(),
        Some(seconds) => format!("the p99 is back within 2 s: after {seconds} s"),
        None => "the p99 is back within 2 s: it was not while the event lasted".into(),
    };
    should(what, recovered.is_some_and(|seconds| seconds <= 2))
}

fn nobody_waits_past_the_timeout(outcome: &Outcome) -> Check {
    let limit = REQUEST_TIMEOUT.as_millis() + 100;
    let longest = u128::from(outcome.longest()) / 1000;
    let what =
        format!("no request takes longer than the time-out and 100 ms, {limit} ms: {longest} ms");
    should(what, longest <= limit)
}

/// Nobody waits for the database, whose reads take this many microseconds.
fn nobody_waits(outcome: &Outcome, read: u128) -> Check {
    let longest = outcome
        .phases
        .get(1)
        .map_or(0, |phase| phase.load.tally.percentile(1.0));
    let what = format!(
        "nobody waits for the database, whose reads take {} ms: the longest request took {} ms",
        read / 1000,
        longest / 1000
    );
    should(what, u128::from(longest) < read)
}

fn one_load(outcome: &Outcome) -> Check {
    let loads: Vec<u64> = outcome.phases.iter().map(|phase| phase.reads).collect();
    let what = format!("one load as the key expires, and none else: {loads:?}");
    must(what, loads == [0, 1, 0])
}

fn memory_stays_bounded(outcome: &Outcome) -> Option<Check> {
    let flooded = outcome.flooded?;
    let what = format!(
        "the node's memory grows by less than what connections may take, {}: by {}",
        HumanBytes(flooded.bound()),
        HumanBytes(flooded.growth()),
    );
    Some(must(what, flooded.growth() < flooded.bound()))
}
