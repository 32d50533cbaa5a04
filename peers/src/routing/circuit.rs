use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// When a failing peer is left alone, and for how long.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CircuitOptions {
    /// Failures in a row after which the peer is left alone. Default: 1.
    pub failures: u32,
    /// How long it is left alone the first time. Default: 250 ms.
    pub back_off: Duration,
    /// The longest it is left alone: the time doubles with every failed attempt. Default: 10 s.
    pub max_back_off: Duration,
    /// How long an exchange may be silent before the peer is pinged, to tell a slow getter from a
    /// peer that hangs. Default: 500 ms.
    pub silence: Duration,
    /// How long a ping may take; if it fails, all exchanges with the peer are broken off.
    /// Default: 1 s.
    pub ping_timeout: Duration,
}

impl Default for CircuitOptions {
    fn default() -> Self {
        Self {
            failures: 1,
            back_off: Duration::from_millis(250),
            max_back_off: Duration::from_secs(10),
            silence: Duration::from_millis(500),
            ping_timeout: Duration::from_secs(1),
        }
    }
}

impl CircuitOptions {
    /// Sets [`failures`](Self::failures); 0 counts as 1.
    pub fn failures(mut self, failures: u32) -> Self {
        self.failures = failures;
        self
    }

    /// Sets [`back_off`](Self::back_off).
    pub fn back_off(mut self, back_off: Duration) -> Self {
        self.back_off = back_off;
        self
    }

    /// Sets [`max_back_off`](Self::max_back_off).
    pub fn max_back_off(mut self, max_back_off: Duration) -> Self {
        self.max_back_off = max_back_off;
        self
    }

    /// Sets [`silence`](Self::silence).
    pub fn silence(mut self, silence: Duration) -> Self {
        self.silence = silence;
        self
    }

    /// Sets [`ping_timeout`](Self::ping_timeout).
    pub fn ping_timeout(mut self, ping_timeout: Duration) -> Self {
        self.ping_timeout = ping_timeout;
        self
    }
}

/// The health of one peer, as this node sees it: closed (ask it), open (leave it alone until the
/// back-off is over), half-open (one attempt is under way, the others keep away).
///
/// A dead or slow peer costs its callers one time-out per back-off window, not one per request.
/// The circuit breaker is that of M. Nygard, *Release It!*, with exponential back-off.
#[derive(Debug)]
pub struct Circuit {
    options: CircuitOptions,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Failures since the last success.
    failures: u32,
    /// While in the future, nobody asks the peer. `None`: closed.
    open_until: Option<Instant>,
    /// Back-off windows since the last success; the exponent of the next one.
    windows: u32,
    /// Whether an attempt after a window is under way.
    probing: bool,
}

impl Circuit {
    pub(crate) fn new(options: CircuitOptions) -> Self {
        Self {
            options,
            state: Mutex::default(),
        }
    }

    pub(crate) fn options(&self) -> &CircuitOptions {
        &self.options
    }

    /// Whether the peer is being left alone.
    pub fn is_open(&self) -> bool {
        let state = self.state.lock();
        state.open_until.is_some_and(|until| Instant::now() < until)
    }

    /// Leave to ask the peer, or how long it is still left alone.
    ///
    /// The first attempt after a window is the probe: while it is under way, nobody else tries.
    pub(crate) fn attempt(&self) -> Result<Attempt<'_>, Duration> {
        let mut state = self.state.lock();
        let Some(until) = state.open_until else {
            return Ok(Attempt {
                circuit: self,
                probe: false,
            });
        };
        let now = Instant::now();
        if now < until {
            return Err(until - now);
        }
        if state.probing {
            return Err(self.options.back_off);
        }
        state.probing = true;
        Ok(Attempt {
            circuit: self,
            probe: true,
        })
    }

    fn open(&self, state: &mut State) {
        let back_off = self
            .options
            .back_off
            .saturating_mul(1 << state.windows.min(16));
        state.windows = state.windows.saturating_add(1);
        state.open_until = Some(Instant::now() + back_off.min(self.options.max_back_off));
    }
}

/// Leave to ask a peer once. Dropped without a verdict, because the caller went away, it changes
/// nothing, and a probe's place is free for the next.
#[derive(Debug)]
pub(crate) struct Attempt<'a> {
    circuit: &'a Circuit,
    probe: bool,
}

impl Attempt<'_> {
    /// The peer answered.
    pub(crate) fn succeeded(self) {
        let mut state = self.circuit.state.lock();
        if state.failures > 0 || state.open_until.is_some() {
            *state = State {
                probing: state.probing,
                ..State::default()
            };
        }
    }

    /// The peer gave no answer.
    pub(crate) fn failed(self) {
        let mut state = self.circuit.state.lock();
        state.failures = state.failures.saturating_add(1);
        // Others that were under way when the first one failed do not lengthen the window.
        let open = state.open_until.is_some_and(|until| Instant::now() < until);
        if state.failures >= self.circuit.options.failures && !open {
            self.circuit.open(&mut state);
        }
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if self.probe {
            self.circuit.state.lock().probing = false;
        }
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

    #[tokio::test(start_paused = true)]
    async fn a_peer_is_left_alone_after_enough_failures_in_a_row() {
        let circuit = circuit();
        circuit.attempt().unwrap().failed();
        assert!(!circuit.is_open());
        circuit.attempt().unwrap().failed();
        assert!(circuit.is_open());
        assert_eq!(circuit.attempt().unwrap_err(), Duration::from_secs(1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_success_in_between_starts_the_count_again() {
        let circuit = circuit();
        circuit.attempt().unwrap().failed();
        circuit.attempt().unwrap().succeeded();
        circuit.attempt().unwrap().failed();
        assert!(!circuit.is_open());
    }

    #[tokio::test(start_paused = true)]
    async fn after_the_back_off_one_attempt_probes_and_the_others_keep_away() {
        let circuit = circuit();
        circuit.attempt().unwrap().failed();
        circuit.attempt().unwrap().failed();
        tokio::time::advance(Duration::from_secs(1)).await;
        let probe = circuit.attempt().unwrap();
        assert!(circuit.attempt().is_err());
        probe.succeeded();
        assert!(circuit.attempt().is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn the_back_off_doubles_up_to_its_limit() {
        let circuit = circuit();
        circuit.attempt().unwrap().failed();
        circuit.attempt().unwrap().failed();
        for expected in [1, 2, 3, 3] {
            let wait = circuit.attempt().unwrap_err();
            assert_eq!(wait, Duration::from_secs(expected));
            tokio::time::advance(wait).await;
            circuit.attempt().unwrap().failed();
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_probe_whose_caller_goes_away_leaves_its_place_to_the_next() {
        let circuit = circuit();
        circuit.attempt().unwrap().failed();
        circuit.attempt().unwrap().failed();
        tokio::time::advance(Duration::from_secs(1)).await;
        for _ in 0..5 {
            drop(circuit.attempt().unwrap());
        }
        circuit.attempt().unwrap().failed();
        let wait = circuit.attempt().unwrap_err();
        assert_eq!(
            wait,
            Duration::from_secs(2),
            "the second window, not the seventh"
        );
    }
}
