use std::time::Duration;

/// What bounds a group's work. The builder documents each and has a method for it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// The longest key accepted, in bytes.
    pub(crate) max_key_bytes: usize,
    /// The largest value accepted from the getter, in bytes.
    pub(crate) max_value_bytes: usize,
    /// Fetches, and likewise loads, under way at once.
    pub(crate) max_flights: usize,
    /// After this the getter is dropped.
    pub(crate) load_timeout: Duration,
    /// How long a key's former owner may take to hand its copy over.
    pub(crate) peek_timeout: Duration,
    /// How many successors of a silent owner are asked before the value is loaded here.
    pub(crate) failovers: usize,
    /// What the log of changes may take up.
    pub(crate) change_log_bytes: usize,
    /// How often peers are asked what has changed; zero for never.
    pub(crate) catch_up_every: Duration,
    /// How long a peer that could not be told a change is told it again.
    pub(crate) redeliver_for: Duration,
    /// What may wait for one peer, before that is told to forget all.
    pub(crate) max_backlog_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_key_bytes: 8 << 10,
            max_value_bytes: 64 << 20,
            max_flights: 65_536,
            load_timeout: Duration::from_secs(25),
            peek_timeout: Duration::from_millis(100),
            failovers: 2,
            change_log_bytes: 256 << 10,
            catch_up_every: Duration::from_secs(10),
            redeliver_for: Duration::from_secs(10 * 60),
            max_backlog_bytes: 4 << 20,
        }
    }
}
