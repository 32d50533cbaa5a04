//! What a group's figures say about its budget.
//!
//! Three facts make the rules sound. A value that fits is evicted only when another one is stored, and a value is stored
//! only after a miss: so if gets are many and evictions few, a larger budget cannot spare many misses. An entry whose
//! time ends does so in a budget of any size: so if most entries expire, the budget is not what limits the hits. And a
//! value that is evicted at an age far above the time for which it is of use was not worth its place.

use std::time::Duration;

use serde::Serialize;

use super::format::{Bytes, Count, Percent, Span};
use super::history::Recent;
use crate::Usage;

/// One sentence about a budget.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Advice {
    pub(super) verdict: Verdict,
    pub(super) text: String,
}

/// Whether the budget is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Verdict {
    /// The budget is right, or more than is needed.
    Right,
    /// It depends on how long values are of use.
    InDoubt,
    /// A larger budget would help.
    TooSmall,
}

/// Evictions for each get below which more memory hardly helps.
const FEW: f64 = 0.01;

/// Expirations for each eviction from which the time to live is the limit.
const MOSTLY_EXPIRED: u64 = 10;

/// Victims younger than this were hardly used.
const YOUNG: Duration = Duration::from_secs(60);

/// Victims older than this have had their time, for most uses.
const OLD: Duration = Duration::from_secs(60 * 60);

impl Advice {
    /// By what the group did lately. The first rule that fits counts.
    pub(super) fn new(usage: &Usage, recent: &Recent) -> Self {
        let lately = format!("in the last {}", Span::of_seconds(recent.seconds));
        let counts = &recent.counts;
        let gets = counts.gets();
        let share = counts.evictions as f64 / gets.max(1) as f64;
        if usage.budget == 0 {
            return right("Keeps nothing, because its budget is zero: it shares loads.".to_owned());
        }
        if counts.too_large > 0 {
            return too_small(format!(
                "{} values {lately} were larger than the budget has room for, and were not kept.",
                Count(counts.too_large),
            ));
        }
        if counts.evictions == 0 && usage.entries == 0 {
            return right("Holds nothing yet.".to_owned());
        }
        if counts.evictions == 0 && usage.bytes < usage.budget / 2 {
            return right(format!(
                "Large enough: nothing was evicted {lately}, and {} of {} are in use.",
                Bytes(usage.bytes as u64),
                Bytes(usage.budget as u64),
            ));
        }
        if counts.evictions == 0 {
            return right(format!("Right: nothing was evicted {lately}."));
        }
        if share < FEW {
            return right(format!(
                "Right: {} of the gets {lately} cost another value its place. More memory could spare about as many.",
                Percent(share),
            ));
        }
        if counts.expirations >= counts.evictions.saturating_mul(MOSTLY_EXPIRED) {
            return right(format!(
                "Right: {} values expired {lately} for one that was evicted. The time to live is the limit.",
                Count(counts.expirations / counts.evictions),
            ));
        }
        match usage.victim_age {
            Some(age) if age < YOUNG => too_small(format!(
                "Too small: values are evicted {} after they came, and {} evictions {lately} made room for {} gets. A \
                 larger budget would help.",
                Span(age),
                Count(counts.evictions),
                Count(gets),
            )),
            Some(age) if age >= OLD => right(format!(
                "Right, unless values are of use for longer than {}: that is how long they stay.",
                Span(age),
            )),
            Some(age) => in_doubt(format!(
                "Values are evicted {} after they came. If they are of use for longer, a larger budget would help.",
                Span(age),
            )),
            None => in_doubt(format!(
                "{} values {lately} made room for others. Their age is not known.",
                Count(counts.evictions),
            )),
        }
    }
}

fn right(text: String) -> Advice {
    Advice {
        verdict: Verdict::Right,
        text,
    }
}

fn in_doubt(text: String) -> Advice {
    Advice {
        verdict: Verdict::InDoubt,
        text,
    }
}

fn too_small(text: String) -> Advice {
    Advice {
        verdict: Verdict::TooSmall,
        text,
    }
}

#[cfg(test)]
mod tests {
    use super::Verdict::{InDoubt, Right, TooSmall};
    use super::*;
    use crate::page::history::Counts;

    fn usage(bytes: usize, victim_age: Option<u64>) -> Usage {
        Usage {
            budget: 1000,
            bytes,
            entries: bytes / 100,
            victim_age: victim_age.map(Duration::from_secs),
            ..Usage::default()
        }
    }

    fn recent(hits: u64, evictions: u64, expirations: u64) -> Recent {
        Recent {
            seconds: 300.0,
            counts: Counts {
                outcomes: [hits, 0, 0, 0, 0, 0, 0],
                evictions,
                expirations,
                ..Counts::default()
            },
            ..Recent::default()
        }
    }

    #[test]
    fn each_rule_has_its_verdict() {
        for (usage, recent, verdict, word) in [
            (Usage::default(), recent(9, 0, 0), Right, "zero"),
            (usage(0, None), recent(0, 0, 0), Right, "Holds nothing"),
            (usage(400, None), recent(9, 0, 0), Right, "400 B of 1000 B"),
            (
                usage(900, Some(5)),
                recent(9, 0, 0),
                Right,
                "nothing was evicted",
            ),
            (usage(900, Some(5)), recent(10_000, 50, 0), Right, "0.5 %"),
            (
                usage(900, Some(5)),
                recent(100, 50, 500),
                Right,
                "10 values expired",
            ),
            (usage(900, Some(5)), recent(100, 50, 499), TooSmall, "5.0 s"),
            (usage(900, Some(60)), recent(100, 50, 0), InDoubt, "60 s"),
            (usage(900, Some(3600)), recent(100, 50, 0), Right, "60 min"),
            (usage(900, None), recent(100, 50, 0), InDoubt, "not known"),
        ] {
            let advice = Advice::new(&usage, &recent);
            assert_eq!(advice.verdict, verdict, "{advice:?}");
            assert!(advice.text.contains(word), "{advice:?} lacks {word}");
        }
    }

    #[test]
    fn values_that_are_refused_are_said_first() {
        let mut recent = recent(100, 50, 0);
        recent.counts.too_large = 3;
        let advice = Advice::new(&usage(900, Some(5)), &recent);
        assert_eq!(advice.verdict, TooSmall);
        assert!(advice.text.starts_with("3 values"), "{advice:?}");
    }
}
