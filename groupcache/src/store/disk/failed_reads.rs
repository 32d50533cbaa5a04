use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// After so many reads that failed one after the other, within at least this time, the disk has failed. A pause of the whole
/// machine has many reads fail at once.
const MOST: u32 = 16;
const LEAST_TIME: Duration = Duration::from_secs(10);

/// How long nobody reads after a read that took too long. So a get waits for a disk that hangs once at most, and most gets do not.
const REST: Duration = Duration::from_secs(1);

/// The reads that have failed since one has not.
#[derive(Debug, Default)]
pub(super) struct FailedReads {
    count: AtomicU32,
    times: Mutex<Option<Times>>,
}

#[derive(Clone, Copy, Debug)]
struct Times {
    first: Instant,
    last_late: Option<Instant>,
}

impl FailedReads {
    /// A read has not failed.
    pub(super) fn end(&self) {
        if self.count.load(Relaxed) > 0 {
            let mut times = self.times.lock();
            (*times, _) = (None, self.count.swap(0, Relaxed));
        }
    }

    /// A read has failed, maybe because it took too long. Says whether the disk has.
    pub(super) fn note(&self, now: Instant, is_late: bool) -> bool {
        let mut times = self.times.lock();
        let times = times.get_or_insert(Times {
            first: now,
            last_late: None,
        });
        times.last_late = is_late.then_some(now).or(times.last_late);
        let first = times.first;
        let is_often = self.count.fetch_add(1, Relaxed) + 1 >= MOST;
        is_often && now.saturating_duration_since(first) >= LEAST_TIME
    }

    /// Whether a read has taken too long just now.
    pub(super) fn is_resting(&self, now: Instant) -> bool {
        let is_just_now = |late: Instant| now.saturating_duration_since(late) < REST;
        self.count.load(Relaxed) > 0
            && self
                .times
                .lock()
                .and_then(|times| times.last_late)
                .is_some_and(is_just_now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_reads_that_fail_at_once_do_not_end_a_disk_and_those_that_go_on_failing_do() {
        let (reads, begun) = (FailedReads::default(), Instant::now());
        assert!((0..100).all(|_| !reads.note(begun, false)));
        reads.end();
        for second in 0..15 {
            assert!(!reads.note(begun + Duration::from_secs(second), true));
        }
        assert!(reads.note(begun + Duration::from_secs(15), true));
        reads.end();
        assert!(!reads.note(begun + Duration::from_secs(16), true));
    }

    #[test]
    fn a_few_reads_that_fail_in_a_long_time_do_not_end_a_disk() {
        let (reads, begun) = (FailedReads::default(), Instant::now());
        for hour in 0..15 {
            assert!(!reads.note(begun + Duration::from_secs(3600 * hour), true));
        }
    }

    #[test]
    fn nobody_reads_for_a_while_after_a_read_that_took_too_long() {
        let (reads, begun) = (FailedReads::default(), Instant::now());
        reads.note(begun, false);
        assert!(!reads.is_resting(begun));
        reads.note(begun, true);
        reads.note(begun, false);
        assert!(reads.is_resting(begun) && reads.is_resting(begun + REST / 2));
        assert!(!reads.is_resting(begun + REST));
        reads.note(begun + REST, true);
        reads.end();
        assert!(!reads.is_resting(begun + REST));
    }
}
