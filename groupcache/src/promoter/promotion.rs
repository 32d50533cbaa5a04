use std::fmt;
use std::time::{Duration, Instant};

use super::owner_measured::OwnerMeasured;
use super::promoter::Promoter;
use crate::rates::Rates;

/// What decides which of other nodes' values a group mirrors.
pub(crate) struct Promotion {
    pub(crate) promoter: Box<dyn Promoter>,
    /// The number of keys whose rates are remembered.
    pub(crate) candidates: usize,
    /// A key without a request for this long counts as new.
    pub(crate) candidate_idle: Duration,
    /// The number of keys that are listed as hot.
    pub(crate) hot_keys: usize,
}

impl Default for Promotion {
    fn default() -> Self {
        Self {
            promoter: Box::new(OwnerMeasured::default()),
            candidates: 8192,
            candidate_idle: Duration::from_secs(300),
            hot_keys: 64,
        }
    }
}

impl Promotion {
    /// The table of the keys' rates.
    pub(crate) fn rates(&self, now: Instant) -> Rates {
        Rates::new(self.candidates, self.candidate_idle, self.hot_keys, now)
    }
}

impl fmt::Debug for Promotion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Promotion")
            .field("candidates", &self.candidates)
            .field("candidate_idle", &self.candidate_idle)
            .field("hot_keys", &self.hot_keys)
            .finish_non_exhaustive()
    }
}
