use std::time::Duration;

use crate::Error;
use crate::limits::LONGEST;

/// How far a node goes to repair changes that did not reach every node.
///
/// ```
/// use std::time::Duration;
/// use peers::CoherenceOptions;
///
/// let options = CoherenceOptions::default().exchange_interval(Duration::from_secs(2));
/// assert!(options.validate().is_ok());
/// ```
#[derive(Clone, Copy, Debug)]
pub struct CoherenceOptions {
    pub(super) change_log_bytes: usize,
    pub(super) exchange_interval: Duration,
}

/// A node with a shorter log would void all its loads.
const SMALLEST_LOG: usize = 1 << 10;

/// A shorter interval would keep every node busy with asking.
const SHORTEST_INTERVAL: Duration = Duration::from_millis(10);

impl Default for CoherenceOptions {
    fn default() -> Self {
        Self {
            change_log_bytes: 4 << 20,
            exchange_interval: Duration::from_secs(10),
        }
    }
}

impl CoherenceOptions {
    /// How much memory the log of the latest changes of all groups may take, in bytes. A node has an exchange with each peer
    /// whenever its log has gone about halfway round. The log should hold the changes of the time that an exchange may take, or
    /// peers are not asked meanwhile, and of the time that a peer may be away: a peer that has missed more, or more than
    /// 3 MiB of keys, forgets the groups concerned. Default: 4 MiB, which is about 20,000 keys of 16 bytes. At least 1 KiB.
    pub fn change_log_bytes(mut self, bytes: usize) -> Self {
        self.change_log_bytes = bytes;
        self
    }

    /// About how often this node compares with one of its peers what the two know of changes, though nothing has happened. It
    /// compares with each peer after 0.5 to 1.5 intervals, times the number of peers. It leaves that out
    /// if a reply to a get has shown meanwhile that the peer had made the same changes as this node. A node that
    /// could not be told of a change is brought up to date as soon as it can be reached; this
    /// interval matters if the node that made the change died before it could tell anybody of that. Only the native
    /// protocol can ask. Zero: never. Default: 10 s; from 10 ms to a year.
    pub fn exchange_interval(mut self, interval: Duration) -> Self {
        self.exchange_interval = interval;
        self
    }

    /// Checks every option.
    ///
    /// # Errors
    ///
    /// [`Error::is_configuration`], naming the option and its limits.
    pub fn validate(&self) -> Result<(), Error> {
        if self.change_log_bytes < SMALLEST_LOG {
            let reason = format!("{} is less than {SMALLEST_LOG}", self.change_log_bytes);
            return Err(Error::invalid_option("change_log_bytes", reason));
        }
        let interval = self.exchange_interval;
        if !interval.is_zero() && !(SHORTEST_INTERVAL..=LONGEST).contains(&interval) {
            let reason = format!("{interval:?} is neither zero nor from 10 ms to a year");
            return Err(Error::invalid_option("exchange_interval", reason));
        }
        Ok(())
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
            .exchange_interval(Duration::ZERO)
            .validate()
            .unwrap();
        for (name, options) in [
            (
                "exchange_interval",
                options().exchange_interval(Duration::from_nanos(1)),
            ),
            (
                "exchange_interval",
                options().exchange_interval(Duration::MAX),
            ),
            ("change_log_bytes", options().change_log_bytes(1023)),
        ] {
            let error = options.validate().unwrap_err();
            assert!(error.is_configuration());
            assert!(error.to_string().contains(name), "{error}");
        }
    }
}
