use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::sleep;

/// Whether a peer is alive, as far as the exchanges with it and its liveness checks tell.
///
/// An exchange may be silent because a getter is slow, or because the peer is stopped, wedged or cut
/// off without a word. A check tells the two apart. One watch for all exchanges with the peer asks for
/// a check when the peer has said nothing for the time of `silence`, and the verdict reaches all of
/// them. So an exchange costs no timer and no look at the clock.
#[derive(Debug, Default)]
pub(super) struct Liveness {
    /// The number of exchanges that wait for the peer.
    waiting: AtomicUsize,
    /// Whether the peer has said anything since the watch looked last.
    heard: AtomicBool,
    /// Whether a watch runs.
    watched: AtomicBool,
    /// Whether a check is under way.
    checking: AtomicBool,
    /// The number of checks that found the peer dead.
    losses: AtomicU64,
    /// Wakes all waiting exchanges when `losses` has grown.
    lost: Notify,
}

/// The watch looks so many times within the time of a silence: a check may begin so much later.
const LOOKS: u32 = 4;

/// The outcome of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Alive,
    Dead,
    /// This node could not make the check, for example because it lacks file descriptors.
    Unknown,
}

impl Liveness {
    /// Notes an exchange that waits for the peer until the guard is dropped. Calls `watch` if nobody
    /// watches the peer: it has to run [`watch`](Self::watch).
    pub(super) fn wait(&self, watch: impl FnOnce()) -> Waiting<'_> {
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let waiting = Waiting(self);
        if !self.watched.load(Ordering::SeqCst) && !self.watched.swap(true, Ordering::SeqCst) {
            watch();
        }
        waiting
    }

    /// The number of exchanges that wait for the peer.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// The peer has said something.
    pub(super) fn heard(&self) {
        // Most often it has been noted, and then the line is only read.
        if !self.heard.load(Ordering::Relaxed) {
            self.heard.store(true, Ordering::Relaxed);
        }
    }

    /// Ends when a check finds the peer dead.
    pub(super) async fn lost(&self) {
        let before = self.losses.load(Ordering::SeqCst);
        loop {
            // Made before the look, so that no wake-up is lost.
            let notified = self.lost.notified();
            if self.losses.load(Ordering::SeqCst) != before {
                return;
            }
            notified.await;
        }
    }

    /// Calls `check` each time that exchanges have waited for the time of `silence` while the peer said
    /// nothing. Ends when no exchange is under way.
    pub(super) async fn watch(&self, silence: Duration, check: impl Fn()) {
        let mut watching = Watching(Some(self));
        let mut silent = 0;
        loop {
            sleep(silence / LOOKS).await;
            let is_checked = self.checking.load(Ordering::Acquire);
            if self.heard.swap(false, Ordering::Relaxed) || is_checked {
                silent = 0;
            } else if self.waiting.load(Ordering::SeqCst) > 0 {
                silent += 1;
            } else if self.may_end() {
                watching.0 = None;
                return;
            } else {
                silent = 0;
            }
            if silent == LOOKS {
                silent = 0;
                check();
            }
        }
    }

    /// Ends the watch, unless an exchange has begun meanwhile and relies on it.
    fn may_end(&self) -> bool {
        self.watched.store(false, Ordering::SeqCst);
        let is_needed = self.waiting.load(Ordering::SeqCst) > 0;
        !is_needed || self.watched.swap(true, Ordering::SeqCst)
    }

    /// The right to make a check. `None` while another check runs.
    pub(super) fn begin_check(&self) -> Option<Check<'_>> {
        let is_free = !self.checking.swap(true, Ordering::AcqRel);
        is_free.then(|| Check(self))
    }
}

/// An exchange that waits for the peer.
#[derive(Debug)]
pub(super) struct Waiting<'a>(&'a Liveness);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::SeqCst);
    }
}

/// A watch that runs. One that is dropped, because its runtime shuts down, makes room for another.
struct Watching<'a>(Option<&'a Liveness>);

impl Drop for Watching<'_> {
    fn drop(&mut self) {
        if let Some(liveness) = self.0 {
            liveness.watched.store(false, Ordering::SeqCst);
        }
    }
}

/// The right to make a check. Dropping it gives it back.
#[derive(Debug)]
pub(super) struct Check<'a>(&'a Liveness);

impl Check<'_> {
    /// Reports the verdict to all exchanges that wait for the peer.
    pub(super) fn report(self, verdict: Verdict) {
        match verdict {
            Verdict::Alive => self.0.heard(),
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
    use std::cell::Cell;

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
        let verdict = async { liveness.begin_check().unwrap().report(Verdict::Dead) };
        tokio::join!(liveness.lost(), liveness.lost(), verdict);
    }

    #[tokio::test(start_paused = true)]
    async fn silence_asks_for_a_check_and_a_peer_that_was_heard_needs_none() {
        let liveness = Liveness::default();
        let (silence, checks) = (Duration::from_secs(1), AtomicU64::new(0));
        let waiting = liveness.wait(|| ());
        let watch = liveness.watch(silence, || _ = checks.fetch_add(1, Ordering::Relaxed));
        let exchanges = async {
            sleep(silence - Duration::from_millis(1)).await;
            assert_eq!(checks.load(Ordering::Relaxed), 0);
            sleep(Duration::from_millis(2)).await;
            assert_eq!(checks.load(Ordering::Relaxed), 1);
            for _ in 0..20 {
                liveness.heard();
                sleep(silence / 2).await;
            }
            assert_eq!(checks.load(Ordering::Relaxed), 1);
            sleep(silence).await;
            assert_eq!(checks.load(Ordering::Relaxed), 2);
            drop(waiting);
        };
        tokio::join!(watch, exchanges);
        assert_eq!(checks.load(Ordering::Relaxed), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn one_watch_runs_while_exchanges_wait_and_another_one_after_it_has_ended() {
        let liveness = Liveness::default();
        let watches = Cell::new(0);
        let begin = || watches.set(watches.get() + 1);
        for expected in 1..4 {
            let (one, other) = (liveness.wait(begin), liveness.wait(begin));
            assert_eq!(watches.get(), expected);
            drop((one, other));
            let never = || panic!("nobody waits");
            liveness.watch(Duration::from_secs(1), never).await;
        }
    }
}
