use std::fmt;
use std::time::{Duration, Instant};

use super::GroupBuilder;
use crate::Error;
use crate::promoter::{OwnerMeasured, Promoter};
use crate::rates::Rates;

/// What decides which of other nodes' values are mirrored.
pub(super) struct Promotion {
    pub(super) promoter: Box<dyn Promoter>,
    candidates: usize,
    candidate_idle: Duration,
}

impl Default for Promotion {
    fn default() -> Self {
        Self {
            promoter: Box::new(OwnerMeasured::default()),
            candidates: 8192,
            candidate_idle: Duration::from_secs(300),
        }
    }
}

/// # Promotion: which of other nodes' values are mirrored here
impl<G> GroupBuilder<G> {
    /// Decides which of other nodes' values are mirrored here. Default: [`OwnerMeasured`].
    pub fn promoter(mut self, promoter: impl Promoter) -> Self {
        self.promotion.promoter = Box::new(promoter);
        self
    }

    /// The number of keys whose request rates this node remembers, about 17 bytes each: its own keys,
    /// whose rates go to other nodes with the values, and other nodes' keys, which may become hot. The
    /// coldest keys are forgotten first. Up to 16 million; default: 8192.
    pub fn candidates(mut self, keys: usize) -> Self {
        self.promotion.candidates = keys;
        self
    }

    /// After this time without a request, a key counts as new. Not zero. Default: five minutes.
    pub fn candidate_idle(mut self, limit: Duration) -> Self {
        self.promotion.candidate_idle = limit;
        self
    }
}

impl Promotion {
    pub(super) fn rates(&self, now: Instant) -> Rates {
        Rates::new(self.candidates, self.candidate_idle, now)
    }

    pub(super) fn check(&self) -> Result<(), Error> {
        if self.candidate_idle.is_zero() {
            return Err(Error::invalid("candidate_idle", "it is zero"));
        }
        Ok(())
    }
}

impl fmt::Debug for Promotion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Promotion")
            .field("candidates", &self.candidates)
            .field("candidate_idle", &self.candidate_idle)
            .finish_non_exhaustive()
    }
}
