use std::time::Duration;

/// Where an answer came from, as the header `x-groupcache-source` has it, and in words.
pub(super) const SOURCES: [(&str, &str); 5] = [
    ("main", "this node's own values"),
    ("hot", "this node's mirrors of popular values"),
    ("stale", "the same, while being refreshed"),
    ("peer", "the node that owns the key"),
    ("origin", "the database"),
];

/// What became of requests.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    /// Answers by source, in the order of [`SOURCES`].
    hits: [u64; SOURCES.len()],
    /// Requests without the right answer.
    pub(super) errors: u64,
    /// Times a caller had to go to another node, because its own was killed.
    pub(super) moved: u64,
    /// The first few reasons of errors.
    pub(super) reasons: Vec<String>,
    /// How long each answer took, in microseconds, by the second of the load in which it was asked for.
    seconds: Vec<Vec<u32>>,
}

impl Tally {
    /// An answer that was asked for `at` this time after the load had begun.
    pub(super) fn answered(&mut self, source: usize, at: Duration, took: Duration) {
        self.hits[source] += 1;
        let took = u32::try_from(took.as_micros()).unwrap_or(u32::MAX);
        self.second(at.as_secs() as usize).push(took);
    }

    fn second(&mut self, second: usize) -> &mut Vec<u32> {
        if self.seconds.len() <= second {
            self.seconds.resize(second + 1, Vec::new());
        }
        &mut self.seconds[second]
    }

    pub(super) fn failed(&mut self, reason: String) {
        self.errors += 1;
        self.reasons.push(reason);
        self.reasons.truncate(3);
    }

    pub(super) fn add(&mut self, other: Self) {
        for (sum, hits) in self.hits.iter_mut().zip(other.hits) {
            *sum += hits;
        }
        self.errors += other.errors;
        self.moved += other.moved;
        self.reasons.extend(other.reasons);
        self.reasons.truncate(3);
        for (second, latencies) in other.seconds.into_iter().enumerate() {
            self.second(second).extend(latencies);
        }
    }

    pub(super) fn hits(&self) -> impl Iterator<Item = u64> {
        self.hits.into_iter()
    }

    pub(super) fn answers(&self) -> u64 {
        self.hits.iter().sum()
    }

    pub(super) fn requests(&self) -> u64 {
        self.answers() + self.errors
    }

    /// The time within which this share of the answers came, in microseconds; 0 without answers.
    pub(super) fn percentile(&self, share: f64) -> u32 {
        percentile(self.seconds.concat(), share)
    }

    /// The same for each second of the load.
    pub(super) fn percentile_by_second(&self, share: f64) -> Vec<u32> {
        let seconds = self.seconds.iter().cloned();
        seconds.map(|second| percentile(second, share)).collect()
    }
}

fn percentile(mut latencies: Vec<u32>, share: f64) -> u32 {
    if latencies.is_empty() {
        return 0;
    }
    let last = latencies.len() - 1;
    let place = (last as f64 * share).round() as usize;
    *latencies.select_nth_unstable(place.min(last)).1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_exact_and_sums_add_up() {
        let (mut a, mut b) = (Tally::default(), Tally::default());
        for n in 0..=50 {
            a.answered(0, Duration::ZERO, Duration::from_micros(n));
        }
        for n in 51..=100 {
            b.answered(3, Duration::from_secs(2), Duration::from_micros(n));
        }
        b.failed("reason".into());
        a.add(b);
        assert_eq!(
            (a.percentile(0.5), a.percentile(0.99), a.percentile(1.0)),
            (50, 99, 100)
        );
        assert_eq!(a.percentile_by_second(1.0), [50, 0, 100]);
        assert_eq!((a.answers(), a.requests()), (101, 102));
        assert_eq!(Tally::default().percentile(0.5), 0);
    }
}
