use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

/// The results of a peer's liveness checks.
///
/// An exchange may be silent because a getter is slow, or because the peer is stopped, wedged or cut
/// off without a word. A check tells the two apart. At most one check goes to a peer at a time, and its
/// verdict reaches all exchanges that wait for that peer.
#[derive(Debug, Default)]
pub(super) struct Liveness {
    /// When a check last found the peer well.
    seen: Mutex<Option<Instant>>,
    /// Whether a check is under way.
    checking: AtomicBool,
    /// The number of checks that found the peer dead.
    losses: AtomicU64,
    /// Wakes all waiting exchanges when `losses` has grown.
    lost: Notify,
}

/// The outcome of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Alive,
    Dead,
    /// This node could not make the check, for example because it lacks file descriptors.
    Unknown,
}

impl Liveness {
    /// Ends when a check finds the peer dead. Calls `check` each time that the peer has been silent for
    /// the time of `silence`.
    pub(super) async fn lost(&self, silence: Duration, check: impl Fn()) {
        let before = self.losses.load(Ordering::SeqCst);
        loop {
            tokio::select! {
                () = self.lost.notified() => {}
                () = sleep(silence) => {}
            }
            // The counter is read after the wait too: a wake-up may come while no future is polled.
            if self.losses.load(Ordering::SeqCst) != before {
                return;
            }
            let recently = |seen: Instant| seen.elapsed() < silence;
            if !self.seen.lock().is_some_and(recently) {
                check();
            }
        }
    }

    /// The right to make a check. `None` while another check runs.
    pub(super) fn begin_check(&self) -> Option<Check<'_>> {
        let is_free = !self.checking.swap(true, Ordering::AcqRel);
        is_free.then(|| Check(self))
    }
}

/// The right to make a check. Dropping it gives it back.
#[derive(Debug)]
pub(super) struct Check<'a>(&'a Liveness);

impl Check<'_> {
    /// Reports the verdict to all exchanges that wait for the peer.
    pub(super) fn report(self, verdict: Verdict) {
        match verdict {
            Verdict::Alive => *self.0.seen.lock() = Some(Instant::now()),
            Verdict::Dead => {
                self.0.losses.fetch_add(1, Ordering::SeqCst);
                self.0.lost.notify_waiters();
            }
            Verdict::Unknown => {}
        }
    }
}

impl Drop for Check<'_> {
    fn drop(&mut self) {
        self.0.checking.store(false, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_check_is_made_at_a_time() {
        let liveness = Liveness::default();
        let check = liveness.begin_check().unwrap();
        assert!(liveness.begin_check().is_none());
        assert!(liveness.begin_check().is_none(), "also the second time");
        check.report(Verdict::Unknown);
        assert!(liveness.begin_check().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_verdict_reaches_all_who_wait_at_once() {
        let liveness = Liveness::default();
        let silence = Duration::from_secs(10);
        let waiting = || liveness.lost(silence, || panic!("there was no silence yet"));
        let verdict = async { liveness.begin_check().unwrap().report(Verdict::Dead) };
        tokio::join!(waiting(), waiting(), verdict);
    }

    #[tokio::test(start_paused = true)]
    async fn silence_asks_for_a_check_and_a_peer_that_was_just_seen_needs_none() {
        let liveness = Liveness::default();
        let (silence, checks) = (Duration::from_secs(1), AtomicU64::new(0));
        let start = Instant::now();
        let check = || {
            let check = liveness.begin_check().unwrap();
            // Well until the third silence.
            let verdict = if checks.fetch_add(1, Ordering::Relaxed) < 2 {
                Verdict::Alive
            } else {
                Verdict::Dead
            };
            check.report(verdict);
        };
        liveness.lost(silence, check).await;
        // The verdict of a check within `check` itself is read after one more silence.
        assert_eq!(start.elapsed(), 4 * silence);
        assert_eq!(checks.load(Ordering::Relaxed), 3);
    }
}
