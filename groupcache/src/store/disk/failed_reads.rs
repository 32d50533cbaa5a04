use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// After so many reads that failed one after the other, within at least this time, the disk has failed. A pause of the whole
/// machine has many reads fail at once.
const MOST: u32 = 16;
const LEAST_TIME: Duration = Duration::from_secs(10);

/// The reads that have failed since one has not.
#[derive(Debug, Default)]
pub(super) struct FailedReads {
    count: AtomicU32,
    since: Mutex<Option<Instant>>,
}

impl FailedReads {
    /// A read has not failed.
    pub(super) fn end(&self) {
        if self.count.load(Relaxed) > 0 {
            let mut since = self.since.lock();
            (*since, _) = (None, self.count.swap(0, Relaxed));
        }
    }

    /// A read has failed. Says whether the disk has.
    pub(super) fn note(&self, now: Instant) -> bool {
        let mut since = self.since.lock();
        let since = *since.get_or_insert(now);
        let is_often = self.count.fetch_add(1, Relaxed) + 1 >= MOST;
        is_often && now.saturating_duration_since(since) >= LEAST_TIME
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_reads_that_fail_at_once_do_not_end_a_disk_and_those_that_go_on_failing_do() {
        let (reads, begun) = (FailedReads::default(), Instant::now());
        assert!((0..100).all(|_| !reads.note(begun)));
        reads.end();
        for second in 0..15 {
            assert!(!reads.note(begun + Duration::from_secs(second)));
        }
        assert!(reads.note(begun + Duration::from_secs(15)));
        reads.end();
        assert!(!reads.note(begun + Duration::from_secs(16)));
    }

    #[test]
    fn a_few_reads_that_fail_in_a_long_time_do_not_end_a_disk() {
        let (reads, begun) = (FailedReads::default(), Instant::now());
        for hour in 0..15 {
            assert!(!reads.note(begun + Duration::from_secs(3600 * hour)));
        }
    }
}
