use std::time::Duration;

use super::failures::Pauses;

/// What bounds a group's work. The builder documents each limit and has a method for it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// The longest key accepted, in bytes.
    pub(super) max_key_bytes: usize,
    /// The largest value accepted from the getter, in bytes.
    pub(super) max_value_bytes: usize,
    /// The most fetches at one time, and the most loads.
    pub(super) max_flights: usize,
    /// The most getter calls at a time; `None`: there is no limit.
    pub(super) max_loads: Option<usize>,
    /// Whether the node limits them too, over all groups.
    pub(super) node_has_max_loads: bool,
    /// How long a getter call waits for its turn.
    pub(super) load_queue_timeout: Duration,
    /// The most keys of one bulk load.
    pub(super) max_bulk_load_keys: usize,
    /// The longest time of a getter call, which is then dropped.
    pub(super) load_timeout: Duration,
    /// How long a key's former owner may take to hand its copy over.
    pub(super) peek_timeout: Duration,
    /// The most refreshes in the background at one time.
    pub(super) max_refreshes: usize,
    /// How many successors of a silent owner are asked before the value is loaded here.
    pub(super) failovers: usize,
    /// The pauses after failed loads.
    pub(super) pauses: Pauses,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_key_bytes: 8 << 10,
            max_value_bytes: 64 << 20,
            max_flights: 65_536,
            max_loads: None,
            node_has_max_loads: false,
            load_queue_timeout: Duration::from_secs(1),
            max_bulk_load_keys: 100,
            load_timeout: Duration::from_secs(25),
            peek_timeout: Duration::from_millis(100),
            max_refreshes: 256,
            failovers: 2,
            pauses: Pauses::default(),
        }
    }
}

impl Limits {
    /// The longest time of a load: the wait for its turn, which a key of a bulk load may have twice, and the getter call.
    pub(super) fn longest_load(&self) -> Duration {
        let is_bounded = self.max_loads.is_some() || self.node_has_max_loads;
        let waits = if is_bounded { 2 } else { 0 };
        let wait = self.load_queue_timeout.saturating_mul(waits);
        self.load_timeout.saturating_add(wait)
    }
}
