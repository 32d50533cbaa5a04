use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use super::circuit_options::CircuitOptions;

/// A peer's health as this node sees it. Closed: requests go to the peer. Open: requests are refused at
/// once, until a liveness check finds the peer well again.
///
/// The circuit breaker is that of M. Nygard, *Release It!*, but for its half-open state: no request is
/// a probe. Liveness checks alone, which go to an open peer after pauses that double and when it calls
/// to compare what both know of changes, close the circuit. So a dead peer costs one check per pause, and a
/// slow request delays no other.
#[derive(Debug)]
pub struct Circuit {
    options: CircuitOptions,
    /// Whether there are failures or pauses to forget. Read without the lock.
    troubled: AtomicBool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Failures since the last success.
    failures: u32,
    /// When the peer is checked next. `None`: the circuit is closed.
    next_check: Option<Instant>,
    /// Pauses since the last answer to a request; the exponent of the next one.
    pauses: u32,
    /// Which opening this is. The task of an earlier one ends.
    opening: u64,
    /// When the peer has called last, and was checked for that.
    last_call: Option<Instant>,
}

impl Circuit {
    pub(super) fn new(options: CircuitOptions) -> Self {
        Self {
            options,
            troubled: AtomicBool::new(false),
            state: Mutex::default(),
        }
    }

    pub(super) fn options(&self) -> &CircuitOptions {
        &self.options
    }

    /// Whether requests are refused.
    pub fn is_open(&self) -> bool {
        self.troubled.load(Ordering::Relaxed) && self.state.lock().next_check.is_some()
    }

    /// The time until the next check, if requests are refused.
    pub(super) fn open_for(&self) -> Option<Duration> {
        if !self.troubled.load(Ordering::Relaxed) {
            return None;
        }
        let next = self.state.lock().next_check?;
        Some(next.saturating_duration_since(Instant::now()))
    }

    /// The failures since the last answer, and the time until the next check if requests are refused.
    pub(super) fn look(&self) -> (u32, Option<Duration>) {
        if !self.troubled.load(Ordering::Relaxed) {
            return (0, None);
        }
        let state = self.state.lock();
        let next = state.next_check;
        let now = Instant::now();
        (
            state.failures,
            next.map(|next| next.saturating_duration_since(now)),
        )
    }

    /// The peer answered a request. Says whether this has closed the circuit.
    pub(super) fn succeeded(&self) -> bool {
        if !self.troubled.load(Ordering::Relaxed) {
            return false;
        }
        let mut state = self.state.lock();
        let was_open = state.next_check.take().is_some();
        (state.failures, state.pauses) = (0, 0);
        self.troubled.store(false, Ordering::Relaxed);
        was_open
    }

    /// The peer has called this node. Says whether it is to be checked for that: if the circuit is open, and it was not
    /// within the shortest pause.
    pub(super) fn called(&self) -> bool {
        if !self.troubled.load(Ordering::Relaxed) {
            return false;
        }
        let mut state = self.state.lock();
        let now = Instant::now();
        let is_soon = |last: Instant| now.saturating_duration_since(last) < self.options.back_off;
        let is_due = state.next_check.is_some() && !state.last_call.is_some_and(is_soon);
        if is_due {
            state.last_call = Some(now);
        }
        is_due
    }

    /// The peer gave no answer to a request. Says whether this has opened the circuit.
    pub(super) fn failed(&self) -> bool {
        let mut state = self.state.lock();
        self.troubled.store(true, Ordering::Relaxed);
        state.failures = state.failures.saturating_add(1);
        state.failures >= self.options.failures && self.open(&mut state)
    }

    /// A check found the peer dead. Says whether this has opened the circuit.
    pub(super) fn lost(&self) -> bool {
        let mut state = self.state.lock();
        self.troubled.store(true, Ordering::Relaxed);
        self.open(&mut state)
    }

    /// A check found the peer well. Says whether this has closed the circuit. The length of the pauses
    /// is kept until the peer answers a request: checks may get through where requests do not.
    pub(super) fn found(&self) -> bool {
        let mut state = self.state.lock();
        let was_open = state.next_check.take().is_some();
        if was_open {
            // While it is closed, failures of requests add up: a check tells nothing of them.
            state.failures = 0;
        }
        was_open
    }

    /// Which opening this is, for [`next_pause`](Self::next_pause).
    pub(super) fn opening(&self) -> u64 {
        self.state.lock().opening
    }

    /// Begins the next pause of an open circuit, and returns its length; `None` if it is closed, or was and has opened again.
    pub(super) fn next_pause(&self, opening: u64) -> Option<Duration> {
        let mut state = self.state.lock();
        state.next_check.filter(|_| state.opening == opening)?;
        let pause = self
            .options
            .back_off
            .saturating_mul(1 << state.pauses.min(30))
            .min(self.options.max_back_off);
        state.pauses = state.pauses.saturating_add(1);
        let now = Instant::now();
        state.next_check = Some(now.checked_add(pause).unwrap_or(now));
        Some(pause)
    }

    fn open(&self, state: &mut State) -> bool {
        let was_closed = state.next_check.is_none();
        state.next_check.get_or_insert_with(Instant::now);
        state.opening += u64::from(was_closed);
        was_closed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn circuit() -> Circuit {
        Circuit::new(
            CircuitOptions::default()
                .failures(2)
                .back_off(Duration::from_secs(1))
                .max_back_off(Duration::from_secs(3)),
        )
    }

    fn next_pause(circuit: &Circuit) -> Option<Duration> {
        circuit.next_pause(circuit.opening())
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_calls_is_checked_while_it_is_left_alone_and_not_too_often() {
        let circuit = circuit();
        assert!(!circuit.called());
        circuit.lost();
        assert!(circuit.called() && !circuit.called());
        circuit.found();
        circuit.lost();
        assert!(!circuit.called());
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(circuit.called());
        circuit.succeeded();
        assert!(!circuit.called());
    }

    #[tokio::test(start_paused = true)]
    async fn the_task_of_an_earlier_opening_ends() {
        let circuit = circuit();
        circuit.lost();
        let first = circuit.opening();
        assert!(circuit.next_pause(first).is_some());
        circuit.found();
        circuit.lost();
        assert_eq!(circuit.next_pause(first), None);
        assert!(circuit.next_pause(circuit.opening()).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_is_left_alone_after_enough_failures_in_a_row() {
        let circuit = circuit();
        assert!(!circuit.failed());
        assert!(!circuit.is_open());
        assert!(circuit.failed(), "the second one opens it");
        assert!(!circuit.failed(), "it is open already");
        assert!(circuit.is_open());
        next_pause(&circuit);
        assert_eq!(circuit.open_for(), Some(Duration::from_secs(1)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_success_in_between_starts_the_count_again() {
        let circuit = circuit();
        circuit.failed();
        assert!(!circuit.succeeded());
        circuit.failed();
        assert!(!circuit.is_open());
    }

    #[tokio::test(start_paused = true)]
    async fn a_lost_peer_is_left_alone_however_many_failures_are_allowed() {
        let circuit = circuit();
        assert!(circuit.lost());
        assert!(circuit.is_open());
        assert!(circuit.found());
        assert!(!circuit.is_open() && circuit.open_for().is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn time_alone_does_not_close_a_circuit() {
        let circuit = circuit();
        circuit.lost();
        next_pause(&circuit);
        tokio::time::advance(Duration::from_secs(3600)).await;
        assert_eq!(circuit.open_for(), Some(Duration::ZERO));
    }

    #[tokio::test(start_paused = true)]
    async fn pauses_double_up_to_their_limit_until_the_peer_answers_a_request() {
        let circuit = circuit();
        circuit.lost();
        for expected in [1, 2, 3, 3] {
            let pause = next_pause(&circuit).unwrap();
            assert_eq!(pause, Duration::from_secs(expected));
        }
        assert!(circuit.found());
        circuit.lost();
        assert_eq!(next_pause(&circuit).unwrap(), Duration::from_secs(3));
        assert!(circuit.succeeded());
        assert_eq!(next_pause(&circuit), None);
        circuit.lost();
        assert_eq!(next_pause(&circuit).unwrap(), Duration::from_secs(1));
    }
}
