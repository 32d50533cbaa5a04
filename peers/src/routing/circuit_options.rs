use std::time::Duration;

use crate::Error;
use crate::limits::{check_order, check_time};

/// When a circuit opens and for how long, and when a silent peer is checked.
///
/// ```
/// use std::time::Duration;
/// use peers::CircuitOptions;
///
/// let options = CircuitOptions::default().failures(3).silence(Duration::from_secs(1));
/// assert!(options.validate().is_ok());
/// ```
#[derive(Clone, Debug)]
pub struct CircuitOptions {
    pub(super) failures: u32,
    pub(super) back_off: Duration,
    pub(super) max_back_off: Duration,
    pub(super) silence: Duration,
    pub(super) ping_timeout: Duration,
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
    /// Failures in a row that open the circuit. Not zero. Default: 1.
    pub fn failures(mut self, failures: u32) -> Self {
        self.failures = failures;
        self
    }

    /// The time between the opening of the circuit and the first check of the peer. Default: 250 ms.
    pub fn back_off(mut self, back_off: Duration) -> Self {
        self.back_off = back_off;
        self
    }

    /// The longest time between two checks while the circuit is open: the time doubles with every check
    /// that fails. A peer that has started again is checked as soon as it calls, if its protocol compares what
    /// two nodes know of changes. Not less than [`back_off`](Self::back_off). Default: 10 s.
    pub fn max_back_off(mut self, max_back_off: Duration) -> Self {
        self.max_back_off = max_back_off;
        self
    }

    /// The time without any answer after which a peer is checked while exchanges wait for it. The check tells
    /// a slow getter from a peer that hangs. It may begin a quarter later. Default: 500 ms.
    pub fn silence(mut self, silence: Duration) -> Self {
        self.silence = silence;
        self
    }

    /// The longest time that a check may take. If a check fails, all exchanges with the peer end with an
    /// error. Default: 1 s.
    pub fn ping_timeout(mut self, ping_timeout: Duration) -> Self {
        self.ping_timeout = ping_timeout;
        self
    }

    /// Checks every option.
    ///
    /// # Errors
    ///
    /// [`Error::is_configuration`], naming the option and its limits: times are from 1 ms to a year.
    pub fn validate(&self) -> Result<(), Error> {
        if self.failures == 0 {
            return Err(Error::invalid_option("failures", "it is at least 1"));
        }
        for (name, time) in [
            ("back_off", self.back_off),
            ("max_back_off", self.max_back_off),
            ("silence", self.silence),
            ("ping_timeout", self.ping_timeout),
        ] {
            check_time(name, time, 1)?;
        }
        check_order("back_off", self.back_off, "max_back_off", self.max_back_off)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_outside_their_limits_are_refused_by_name() {
        let options = CircuitOptions::default;
        options().validate().unwrap();
        for (name, options) in [
            ("failures", options().failures(0)),
            ("back_off", options().back_off(Duration::ZERO)),
            ("back_off", options().back_off(Duration::from_secs(11))),
            (
                "max_back_off of 10s",
                options().back_off(Duration::from_secs(11)),
            ),
            ("max_back_off", options().max_back_off(Duration::MAX)),
            ("silence", options().silence(Duration::MAX)),
            ("ping_timeout", options().ping_timeout(Duration::ZERO)),
        ] {
            let error = options.validate().unwrap_err();
            assert!(error.is_configuration());
            assert!(error.to_string().contains(name), "{name}: {error}");
        }
    }
}
