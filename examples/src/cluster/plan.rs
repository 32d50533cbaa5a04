use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use indicatif::ProgressBar;

/// What the callers are to do.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) requests: u64,
    pub(super) callers: u16,
    pub(super) keys: usize,
    pub(super) zipf: f64,
    pub(super) limit: Duration,
    /// Requests a second, whether or not those before are answered; otherwise each caller asks as soon as it has an answer.
    pub(super) per_second: Option<f64>,
    /// Ends the load when it is set.
    pub(super) is_over: Arc<AtomicBool>,
    pub(super) bar: ProgressBar,
}

/// Callers that keep a pace: enough to go on while some wait for an answer for long.
pub(super) const CALLERS: u16 = 1000;

impl Plan {
    /// The same at this pace.
    pub(super) fn paced(self, per_second: f64) -> Self {
        // No more than one second's, as each waits for its next turn.
        let callers = CALLERS.min(per_second as u16).max(self.callers);
        Self {
            callers,
            per_second: Some(per_second.max(1.0)),
            ..self
        }
    }

    /// Waits until it is time for the request of this number.
    pub(super) async fn due(&self, begin: Instant, number: u64) -> Due {
        let now = || Due {
            begin,
            after: begin.elapsed(),
        };
        let Some(rate) = self.per_second else {
            return now();
        };
        // Nobody waits past the end of the load.
        let after = Duration::from_secs_f64(number as f64 / rate).min(self.limit);
        if begin.elapsed() > after {
            // All callers were waiting for answers when it was time. Whoever would have asked has waited since then.
            return Due { begin, after };
        }
        tokio::time::sleep_until((begin + after).into()).await;
        now()
    }

    pub(super) fn is_over(&self, after: Duration) -> bool {
        after >= self.limit || self.is_over.load(Ordering::Relaxed)
    }
}

/// When a request is to be made.
#[derive(Clone, Copy)]
pub(super) struct Due {
    /// When the load began.
    begin: Instant,
    /// How long after that.
    pub(super) after: Duration,
}

impl Due {
    /// At once, outside a load.
    pub(super) fn now() -> Self {
        Self {
            begin: Instant::now(),
            after: Duration::ZERO,
        }
    }

    pub(super) fn elapsed(self) -> Duration {
        self.begin.elapsed().saturating_sub(self.after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan() -> Plan {
        Plan {
            requests: 10,
            callers: 1,
            keys: 1,
            zipf: 1.0,
            limit: Duration::from_secs(60),
            per_second: None,
            is_over: Arc::default(),
            bar: ProgressBar::hidden(),
        }
    }

    #[tokio::test]
    async fn a_request_that_comes_late_has_waited_since_it_was_due() {
        let begin = Instant::now().checked_sub(Duration::from_secs(30)).unwrap();
        let due = plan().paced(10.0).due(begin, 50).await;
        assert_eq!(due.after, Duration::from_secs(5));
        assert!(due.elapsed() >= Duration::from_secs(25));
    }

    #[tokio::test]
    async fn without_a_pace_a_request_is_due_at_once() {
        let begin = Instant::now().checked_sub(Duration::from_secs(30)).unwrap();
        let due = plan().due(begin, 50).await;
        assert!(due.after >= Duration::from_secs(30));
        assert!(due.elapsed() < Duration::from_secs(30));
    }

    #[test]
    fn no_more_callers_wait_for_their_turns_than_there_are_in_a_second() {
        assert_eq!(plan().paced(300.0).callers, 300);
        assert_eq!(plan().paced(1e6).callers, 1000);
        assert_eq!(plan().paced(0.1).callers, 1);
    }
}
