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
    /// How long each answer took, in microseconds.
    latencies: Vec<u32>,
}

impl Tally {
    pub(super) fn answered(&mut self, source: usize, took: Duration) {
        self.hits[source] += 1;
        self.latencies
            .push(u32::try_from(took.as_micros()).unwrap_or(u32::MAX));
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
        self.latencies.extend(other.latencies);
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
        let mut latencies = self.latencies.clone();
        if latencies.is_empty() {
            return 0;
        }
        let last = latencies.len() - 1;
        let place = (last as f64 * share).round() as usize;
        *latencies.select_nth_unstable(place.min(last)).1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_exact_and_sums_add_up() {
        let (mut a, mut b) = (Tally::default(), Tally::default());
        for n in 0..=50 {
            a.answered(0, Duration::from_micros(n));
        }
        for n in 51..=100 {
            b.answered(3, Duration::from_micros(n));
        }
        b.failed("reason".into());
        a.add(b);
        assert_eq!(
            (a.percentile(0.5), a.percentile(0.99), a.percentile(1.0)),
            (50, 99, 100)
        );
        assert_eq!((a.answers(), a.requests()), (101, 102));
        assert_eq!(Tally::default().percentile(0.5), 0);
    }
}
