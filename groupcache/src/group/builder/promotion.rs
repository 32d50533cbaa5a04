use std::time::Duration;

use super::group_builder::GroupBuilder;
use crate::Error;
use crate::promoter::{Promoter, Promotion};

const MOST_HOT_KEYS: usize = 1024;

/// # Promotion: which of other nodes' values are mirrored here
impl<G> GroupBuilder<G> {
    /// Decides which of other nodes' values are mirrored here. Default: [`OwnerMeasured`](crate::OwnerMeasured).
    pub fn promoter(mut self, promoter: impl Promoter) -> Self {
        self.promotion.promoter = Box::new(promoter);
        self
    }

    /// The number of keys whose request rates this node remembers, about 18 bytes each: its own keys,
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

    /// How many of the keys that are asked for most a [report](crate::GroupReport::hot_keys) lists. A node without peers
    /// counts requests for this list alone: zero turns it off there, and saves the memory of the
    /// [`candidates`](Self::candidates). Up to 1,024; default: 64.
    pub fn hot_keys(mut self, keys: usize) -> Self {
        self.promotion.hot_keys = keys;
        self
    }
}

impl Promotion {
    pub(super) fn check(&self) -> Result<(), Error> {
        if self.candidate_idle.is_zero() {
            return Err(Error::invalid("candidate_idle", "it is zero"));
        }
        if self.hot_keys > MOST_HOT_KEYS {
            let reason = format!("{} is more than {MOST_HOT_KEYS}", self.hot_keys);
            return Err(Error::invalid("hot_keys", reason));
        }
        Ok(())
    }
}
