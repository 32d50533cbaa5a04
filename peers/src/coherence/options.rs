use std::time::Duration;

use crate::Error;
use crate::limits::{LONGEST, check_time};

/// How far a group goes to repair invalidations that did not reach every node.
///
/// ```
/// use std::time::Duration;
/// use peers::CoherenceOptions;
///
/// let options = CoherenceOptions::default().anti_entropy_interval(Duration::from_secs(2));
/// assert!(options.validate().is_ok());
/// ```
#[derive(Clone, Copy, Debug)]
pub struct CoherenceOptions {
    pub(super) change_log_bytes: usize,
    pub(super) anti_entropy_interval: Duration,
    pub(super) hint_window: Duration,
    pub(super) max_hint_bytes: usize,
}

impl Default for CoherenceOptions {
    fn default() -> Self {
        Self {
            change_log_bytes: 256 << 10,
            anti_entropy_interval: Duration::from_secs(10),
            hint_window: Duration::from_secs(10 * 60),
            max_hint_bytes: 4 << 20,
        }
    }
}

/// A shorter interval would keep every node busy with asking every other one.
const SHORTEST_INTERVAL: Duration = Duration::from_millis(10);

impl CoherenceOptions {
    /// How much memory the log of this node's own changes may take, in bytes. A peer that has missed
    /// more changes than the log still holds, or more than 1 MiB of keys, forgets all its mirrors of
    /// other nodes' keys. Zero keeps no log, so that every missed change costs a peer its mirrors. The
    /// ids of recent changes take up to 280 KiB besides. Default: 256 KiB, which is about 3,500 keys of
    /// 16 bytes.
    pub fn change_log_bytes(mut self, bytes: usize) -> Self {
        self.change_log_bytes = bytes;
        self
    }

    /// How often this node pulls the change log of a peer from which it has had no reply meanwhile.
    /// Every reply of a peer says whether there is anything to pull, so the interval matters for
    /// quiet peers only: it bounds, to about twice its length, how long this node serves a mirror
    /// that it missed the removal of, while the key's owner can be reached and has not restarted.
    /// Only the native protocol can ask. Zero turns the pulls off. Default: 10 s; from 10 ms to a
    /// year.
    pub fn anti_entropy_interval(mut self, interval: Duration) -> Self {
        self.anti_entropy_interval = interval;
        self
    }

    /// How long this node goes on trying to deliver a change to a peer that it could not reach,
    /// counted from the latest such change. The pause between two attempts grows from 1 s to 30 s. A
    /// hint holds keys and no values: a peer that missed a set forgets the key, even if another node
    /// has set it since. A peer that left the ring gets no more hints. Zero turns hints off. Default:
    /// 10 minutes; at most a year.
    pub fn hint_window(mut self, window: Duration) -> Self {
        self.hint_window = window;
        self
    }

    /// How many bytes of keys this node keeps as hints for one unreachable peer. Beyond that the peer is
    /// told to forget the whole group. Only the native protocol can say that; under others the hint is
    /// given up with a warning. Default: 4 MiB.
    pub fn max_hint_bytes(mut self, bytes: usize) -> Self {
        self.max_hint_bytes = bytes;
        self
    }

    /// How often quiet peers are asked; `None` for never.
    pub fn anti_entropy(&self) -> Option<Duration> {
        let interval = self.anti_entropy_interval;
        (!interval.is_zero()).then_some(interval)
    }

    /// Checks every option.
    ///
    /// # Errors
    ///
    /// [`Error::is_configuration`], naming the option and its limits.
    pub fn validate(&self) -> Result<(), Error> {
        let interval = self.anti_entropy_interval;
        if !interval.is_zero() && !(SHORTEST_INTERVAL..=LONGEST).contains(&interval) {
            let reason = format!("{interval:?} is neither zero nor from 10 ms to a year");
            return Err(Error::invalid_option("anti_entropy_interval", reason));
        }
        check_time("hint_window", self.hint_window, 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_outside_their_limits_are_refused_by_name() {
        let options = CoherenceOptions::default;
        options().validate().unwrap();
        options()
            .anti_entropy_interval(Duration::ZERO)
            .validate()
            .unwrap();
        for (name, options) in [
            (
                "anti_entropy_interval",
                options().anti_entropy_interval(Duration::from_nanos(1)),
            ),
            (
                "anti_entropy_interval",
                options().anti_entropy_interval(Duration::MAX),
            ),
            ("hint_window", options().hint_window(Duration::MAX)),
        ] {
            let error = options.validate().unwrap_err();
            assert!(error.is_configuration());
            assert!(error.to_string().contains(name), "{error}");
        }
    }
}
