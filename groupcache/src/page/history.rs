use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use serde::{Serialize, Serializer};

use crate::{GroupReport, Stats};

/// The time between two samples.
pub(super) const INTERVAL: Duration = Duration::from_secs(3);

/// The most samples of a group: with the [`INTERVAL`], the last five minutes.
pub(super) const SAMPLES: usize = 101;

/// The most groups that are sampled, the first ones by name: about 650 KB.
const MAX_GROUPS: usize = 64;

/// How far back a rate looks.
const RATE_WINDOW: Duration = Duration::from_secs(10);

/// How many ways a get may end.
pub(super) const OUTCOMES: usize = 7;

/// The names of the ways a get may end, in the order of [`Counts::outcomes`].
pub(super) const NAMES: [&str; OUTCOMES] = [
    "main",
    "hot",
    "stale",
    "peer",
    "origin",
    "not_found",
    "failed",
];

/// The counters of each group in the last minutes, a sample every few seconds.
#[derive(Debug, Default)]
pub(super) struct History {
    groups: BTreeMap<String, VecDeque<Sample>>,
}

#[derive(Clone, Copy, Debug)]
struct Sample {
    at: Instant,
    counts: Counts,
}

/// What the plots and the advice need of a group's counters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Counts {
    /// Gets by how they ended, as [`NAMES`] has them.
    #[serde(serialize_with = "by_name")]
    pub(super) outcomes: [u64; OUTCOMES],
    pub(super) evictions: u64,
    pub(super) expirations: u64,
    pub(super) too_large: u64,
    pub(super) getter_calls: u64,
}

/// What a group did lately.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(super) struct Recent {
    /// The time that [`counts`](Self::counts) cover, in seconds: up to five minutes.
    pub(super) seconds: f64,
    /// How much the counters have grown in that time.
    pub(super) counts: Counts,
    /// Gets a second in about the last ten seconds.
    pub(super) gets_per_second: f64,
    /// How much the counters have grown from one sample to the next, the oldest first.
    pub(super) steps: Vec<Step>,
}

/// The time between two samples.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(super) struct Step {
    pub(super) seconds: f64,
    #[serde(serialize_with = "by_name")]
    pub(super) outcomes: [u64; OUTCOMES],
}

/// As a map with the names.
fn by_name<S: Serializer>(outcomes: &[u64; OUTCOMES], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(NAMES.iter().zip(outcomes))
}

impl From<&Stats> for Counts {
    fn from(stats: &Stats) -> Self {
        Self {
            outcomes: [
                stats.main_hits,
                stats.hot_hits,
                stats.stale_hits,
                stats.fetched,
                stats.loaded,
                stats.not_found,
                stats.failed,
            ],
            evictions: stats.evictions,
            expirations: stats.expirations,
            too_large: stats.too_large,
            getter_calls: stats.getter_calls,
        }
    }
}

impl Counts {
    pub(super) fn gets(&self) -> u64 {
        self.outcomes.iter().sum()
    }

    /// Gets that the node's own memory answered.
    pub(super) fn hits(&self) -> u64 {
        self.outcomes[..3].iter().sum()
    }

    /// How much the counters have grown. A counter that is smaller than before belongs to a new group of that name.
    fn since(&self, before: &Self) -> Self {
        let grown = |now: u64, before: u64| now.saturating_sub(before);
        let mut outcomes = self.outcomes;
        for (now, before) in outcomes.iter_mut().zip(before.outcomes) {
            *now = grown(*now, before);
        }
        Self {
            outcomes,
            evictions: grown(self.evictions, before.evictions),
            expirations: grown(self.expirations, before.expirations),
            too_large: grown(self.too_large, before.too_large),
            getter_calls: grown(self.getter_calls, before.getter_calls),
        }
    }

    fn is_of_a_new_group(&self, before: &Self) -> bool {
        self.gets() < before.gets()
    }
}

impl History {
    /// Takes a sample of each group. Groups that are gone are forgotten.
    pub(super) fn sample<'a>(
        &mut self,
        at: Instant,
        groups: impl IntoIterator<Item = (&'a str, Stats)>,
    ) {
        let mut before = std::mem::take(&mut self.groups);
        for (name, stats) in groups.into_iter().take(MAX_GROUPS) {
            let counts = Counts::from(&stats);
            let mut samples = before
                .remove(name)
                .unwrap_or_else(|| VecDeque::with_capacity(SAMPLES));
            if samples
                .back()
                .is_some_and(|last| counts.is_of_a_new_group(&last.counts))
            {
                samples.clear();
            }
            if samples.len() == SAMPLES {
                samples.pop_front();
            }
            samples.push_back(Sample { at, counts });
            self.groups.insert(name.to_owned(), samples);
        }
    }

    /// What a group has done up to now. Empty for a group without samples.
    pub(super) fn recent(&self, now: Instant, group: &GroupReport) -> Recent {
        let counts = Counts::from(&group.stats);
        let Some(samples) = self.groups.get(&group.name) else {
            return Recent::default();
        };
        let (Some(oldest), Some(newest)) = (samples.front(), samples.back()) else {
            return Recent::default();
        };
        if counts.is_of_a_new_group(&newest.counts) {
            return Recent::default();
        }
        let old_enough = |sample: &&Sample| now.duration_since(sample.at) >= RATE_WINDOW;
        let rated = samples.iter().rev().find(old_enough).unwrap_or(oldest);
        let rated_for = now.duration_since(rated.at).as_secs_f64();
        let rated_gets = counts.since(&rated.counts).gets() as f64;
        Recent {
            seconds: now.duration_since(oldest.at).as_secs_f64(),
            counts: counts.since(&oldest.counts),
            gets_per_second: if rated_for > 0.0 {
                rated_gets / rated_for
            } else {
                0.0
            },
            steps: samples
                .iter()
                .zip(samples.iter().skip(1))
                .map(|(one, next)| Step {
                    seconds: next.at.duration_since(one.at).as_secs_f64(),
                    outcomes: next.counts.since(&one.counts).outcomes,
                })
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::fixtures::group;

    fn stats(main_hits: u64, loaded: u64) -> Stats {
        Stats {
            gets: main_hits + loaded,
            main_hits,
            loaded,
            ..Stats::default()
        }
    }

    #[test]
    fn a_group_has_what_it_did_between_its_samples_and_up_to_now() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut history = History::default();
        for (seconds, hits, loads) in [(0, 10, 1), (3, 40, 2), (6, 40, 2), (9, 100, 3)] {
            history.sample(at(seconds), [("g", stats(hits, loads))]);
        }
        let mut now = group("g");
        now.stats = stats(200, 3);
        let recent = history.recent(at(14), &now);
        assert_eq!(recent.seconds, 14.0);
        assert_eq!((recent.counts.hits(), recent.counts.gets()), (190, 192));
        assert_eq!(
            recent.gets_per_second,
            161.0 / 11.0,
            "since the sample at 3 s"
        );
        let gets = recent.steps.iter().map(|step| step.outcomes.iter().sum());
        assert_eq!(gets.collect::<Vec<u64>>(), [31, 0, 61]);
        assert_eq!(history.recent(at(14), &group("other")), Recent::default());
    }

    #[test]
    fn the_history_is_bounded_and_forgets_groups_that_are_gone() {
        let start = Instant::now();
        let mut history = History::default();
        let names: Vec<String> = (0..2 * MAX_GROUPS).map(|n| format!("g{n:03}")).collect();
        for n in 0..2 * SAMPLES {
            let groups = names.iter().map(|name| (&**name, stats(n as u64, 0)));
            history.sample(start + INTERVAL * n as u32, groups);
        }
        assert_eq!(history.groups.len(), MAX_GROUPS);
        assert!(
            history
                .groups
                .values()
                .all(|samples| samples.len() == SAMPLES)
        );
        history.sample(start, [("g000", stats(1, 0))]);
        assert_eq!(history.groups.len(), 1);
    }

    #[test]
    fn a_new_group_of_the_same_name_begins_anew() {
        let start = Instant::now();
        let mut history = History::default();
        history.sample(start, [("g", stats(100, 0))]);
        let mut now = group("g");
        now.stats = stats(1, 0);
        assert_eq!(history.recent(start + INTERVAL, &now), Recent::default());
        history.sample(start + INTERVAL, [("g", stats(1, 0))]);
        assert_eq!(history.groups["g"].len(), 1);
    }
}
