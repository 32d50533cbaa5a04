use serde_json::{Value, json};

use super::checks::checks;
use super::cluster_kind::ClusterKind;
use super::flood::Flooded;
use super::scenario::{Scenario, WHILE};
use crate::cluster::crowd::Load;

/// What came of a scenario with one cluster.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) scenario: Scenario,
    pub(super) kind: ClusterKind,
    pub(super) keys: u64,
    pub(super) has_standby: bool,
    /// How many keys the node owns that something happens to.
    pub(super) victims_keys: Option<u64>,
    /// Requests a second that the cluster answers at most.
    pub(super) capacity: Option<f64>,
    /// Before, while and after it happens.
    pub(super) phases: Vec<Phase>,
    pub(super) flooded: Option<Flooded>,
}

#[derive(Debug)]
pub(super) struct Phase {
    pub(super) name: &'static str,
    pub(super) load: Load,
    /// Reads of the database.
    pub(super) reads: u64,
}

impl Outcome {
    /// How many values were loaded again.
    pub(super) fn reads(&self) -> u64 {
        self.phases.iter().map(|phase| phase.reads).sum()
    }

    /// How many requests failed.
    pub(super) fn errors(&self) -> u64 {
        let errors = self.phases.iter().map(|phase| phase.load.tally.errors);
        errors.sum()
    }

    /// Why some of them did.
    pub(super) fn reasons(&self) -> Vec<&str> {
        let tallies = self.phases.iter().map(|phase| &phase.load.tally);
        let reasons = tallies.flat_map(|tally| tally.reasons.iter().map(String::as_str));
        reasons.take(3).collect()
    }

    /// The longest answer of all, in microseconds.
    pub(super) fn longest(&self) -> u32 {
        let longest = self
            .phases
            .iter()
            .map(|phase| phase.load.tally.percentile(1.0));
        longest.max().unwrap_or(0)
    }

    /// Seconds after which the p99 was back near what it had been in a typical second, and stayed there while the event
    /// lasted: at most twice as much, or 5 ms more.
    pub(super) fn recovered_after(&self) -> Option<u64> {
        let [before, during, ..] = &*self.phases else {
            return None;
        };
        let mut before = before.load.tally.percentile_by_second(0.99);
        before.sort_unstable();
        let before = before.get(before.len() / 2)?;
        let near = before.saturating_mul(2).max(before.saturating_add(5_000));
        let mut seconds = during.load.tally.percentile_by_second(0.99);
        seconds.truncate(WHILE.as_secs() as usize);
        let last_bad = seconds.iter().rposition(|&p99| p99 > near);
        let seconds_until = last_bad.map_or(0, |second| second + 1);
        (seconds_until < seconds.len()).then_some(seconds_until as u64)
    }

    /// For scripts.
    pub(super) fn to_json(&self) -> Value {
        let phases = self.phases.iter().map(|Phase { name, load, reads }| {
            let tally = &load.tally;
            json!({
                "phase": name,
                "requests": tally.requests(),
                "errors": tally.errors,
                "reasons": tally.reasons,
                "moved": tally.moved,
                "db_loads": reads,
                "p50_us": tally.percentile(0.5),
                "p99_us": tally.percentile(0.99),
                "longest_us": tally.percentile(1.0),
                "p99_us_by_second": tally.percentile_by_second(0.99),
            })
        });
        let flooded = self.flooded.map(|flooded| {
            json!({
                "tried": flooded.count.tried,
                "opened": flooded.count.opened,
                "most_open": flooded.count.most_open,
                "resident_bytes": flooded.memory,
            })
        });
        json!({
            "scenario": self.scenario.name(),
            "cluster": self.kind.name(),
            "keys": self.keys,
            "victims_keys": self.victims_keys,
            "capacity_per_second": self.capacity,
            "db_loads": self.reads(),
            "errors": self.errors(),
            "recovered_after_seconds": self.recovered_after(),
            "flood": flooded,
            "phases": phases.collect::<Vec<_>>(),
            "checks": checks(self),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::cluster::tally::Tally;

    /// A phase of a request a second, which took so many milliseconds.
    fn phase(millis: &[u64]) -> Phase {
        let mut tally = Tally::default();
        for (second, ms) in (0..).zip(millis) {
            tally.answered(0, Duration::from_secs(second), Duration::from_millis(*ms));
        }
        let load = Load {
            tally,
            took: Duration::from_secs(millis.len() as u64),
        };
        Phase {
            name: "phase",
            load,
            reads: 0,
        }
    }

    fn recovered_after(before: &[u64], during: &[u64]) -> Option<u64> {
        let outcome = Outcome {
            scenario: Scenario::Kill,
            kind: ClusterKind::Ours,
            keys: 1,
            has_standby: false,
            victims_keys: None,
            capacity: None,
            phases: vec![phase(before), phase(during)],
            flooded: None,
        };
        outcome.recovered_after()
    }

    #[test]
    fn a_p99_has_recovered_once_it_stays_near_what_it_was() {
        let before = [900, 20, 20];
        assert_eq!(recovered_after(&before, &[20; 10]), Some(0));
        assert_eq!(
            recovered_after(&before, &[500, 41, 40, 20, 20, 20]),
            Some(2)
        );
        assert_eq!(recovered_after(&before, &[500, 20, 20, 20, 500, 20]), None);
        // After the event, the node may be slow once more.
        assert_eq!(
            recovered_after(&before, &[500, 20, 20, 20, 20, 500]),
            Some(1)
        );
        assert_eq!(recovered_after(&[], &[20]), None);
    }
}
