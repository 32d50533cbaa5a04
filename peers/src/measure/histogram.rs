use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use histogram::{AtomicHistogram, Config};

use super::distribution::Distribution;

/// Counts values by their size, for as long as the process lives: times in nanoseconds, or lengths in bytes.
///
/// Many threads may record at once; no value waits for another. Eight buckets cover each power of two, so that a
/// quantile is at most an eighth too high. Values of 2^36 (69 seconds, or 64 GiB) and more share the last bucket. The
/// memory is 2.2 KB, and is allocated with the first value.
///
/// ```
/// use std::time::Duration;
/// use peers::Histogram;
///
/// let waits = Histogram::default();
/// for ms in 1..=100 {
///     waits.record_time(Duration::from_millis(ms));
/// }
/// let waits = waits.distribution();
/// assert_eq!((waits.count, waits.max), (100, 100_000_000));
/// assert!((50_000_000..57_000_000).contains(&waits.p50()));
/// ```
#[derive(Debug, Default)]
pub struct Histogram(OnceLock<Box<Recorded>>);

#[derive(Debug)]
struct Recorded {
    buckets: AtomicHistogram,
    sum: AtomicU64,
    max: AtomicU64,
}

const LARGEST_POWER: u8 = 36;

const LARGEST: u64 = (1 << LARGEST_POWER) - 1;

const CONFIG: Config = match Config::new(3, LARGEST_POWER) {
    Ok(config) => config,
    Err(_) => panic!("the powers are within the limits of the crate"),
};

impl Histogram {
    /// Counts a value.
    pub fn record(&self, value: u64) {
        let recorded = self.0.get_or_init(|| {
            Box::new(Recorded {
                buckets: AtomicHistogram::with_config(&CONFIG),
                sum: AtomicU64::new(0),
                max: AtomicU64::new(0),
            })
        });
        // The value is within the range, so that there is a bucket for it.
        _ = recorded.buckets.increment(value.min(LARGEST));
        recorded.sum.fetch_add(value, Relaxed);
        // Most values are not the greatest, and then the line is only read.
        if value > recorded.max.load(Relaxed) {
            recorded.max.fetch_max(value, Relaxed);
        }
    }

    /// Counts a time, in nanoseconds.
    pub fn record_time(&self, time: Duration) {
        self.record(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
    }

    /// What has been recorded so far. Values that are recorded meanwhile may be in it in part.
    pub fn distribution(&self) -> Distribution {
        let Some(recorded) = self.0.get() else {
            return Distribution::default();
        };
        let buckets = recorded.buckets.load();
        let used = buckets.iter().filter(|bucket| bucket.count() > 0);
        Distribution::new(
            recorded.sum.load(Relaxed),
            recorded.max.load(Relaxed),
            used.map(|bucket| (bucket.end(), bucket.count())).collect(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_at_most_an_eighth_too_high() {
        let histogram = Histogram::default();
        (1..=10_000).for_each(|value| histogram.record(value * 1000));
        let distribution = histogram.distribution();
        for (quantile, exact) in [(0.5, 5_000_000), (0.9, 9_000_000), (0.99, 9_900_000)] {
            let found = distribution.quantile(quantile);
            assert!((exact..=exact + exact / 8).contains(&found), "{found}");
        }
        assert_eq!(distribution.count, 10_000);
        assert_eq!(distribution.sum, 1000 * 10_000 * 10_001 / 2);
        assert_eq!(distribution.quantile(1.0), 10_000_000);
    }

    #[test]
    fn values_beyond_the_range_are_counted_with_their_size() {
        let histogram = Histogram::default();
        assert!(histogram.distribution().is_empty());
        histogram.record(0);
        histogram.record(LARGEST + 5);
        let distribution = histogram.distribution();
        assert_eq!((distribution.count, distribution.max), (2, LARGEST + 5));
        assert_eq!(distribution.p99(), LARGEST + 5);
        assert_eq!(distribution.p50(), 0);
    }

    #[test]
    fn the_memory_is_what_the_docs_say() {
        assert!(CONFIG.total_buckets() * size_of::<AtomicU64>() <= 2200);
        assert!(size_of::<Histogram>() <= 16);
    }
}
