use std::fmt;
use std::time::Duration;

use lru::Policy;

use super::GroupBuilder;
use crate::Error;
use crate::clock::SharedClock;
use crate::store::{Storage, Store};

/// Where a group keeps its values, and which give way.
pub(super) struct StorageSettings {
    budget: usize,
    /// `None` until it is set, because a group without a budget must not have one.
    hot_ratio: Option<usize>,
    policy: Policy,
    /// A store of the user's, in place of the group's own.
    store: Option<Box<dyn Store>>,
}

/// golang/groupcache's: hot entries give way once they take up an eighth of the main ones.
const HOT_RATIO: usize = 8;

/// # Storage: where values are kept, and which give way
impl<G> GroupBuilder<G> {
    /// When room is needed, hot entries give way first while they take up more than one `ratio`th
    /// of what the main ones take up. Default: 8.
    pub fn hot_ratio(mut self, ratio: usize) -> Self {
        self.storage.hot_ratio = Some(ratio);
        self
    }

    /// Which entries give way when room is needed. Default: [`Policy::GhostClock`], which keeps more
    /// than [`Policy::Lru`] on almost any load.
    pub fn policy(mut self, policy: Policy) -> Self {
        self.storage.policy = policy;
        self
    }

    /// Keeps the group's values in a store of your own, in place of the group's. The budget,
    /// [`hot_ratio`](Self::hot_ratio) and [`policy`](Self::policy) then have no effect.
    pub fn store(mut self, store: impl Store) -> Self {
        self.storage.store = Some(Box::new(store));
        self
    }
}

impl StorageSettings {
    pub(super) fn new(budget: usize) -> Self {
        Self {
            budget,
            hot_ratio: None,
            policy: Policy::default(),
            store: None,
        }
    }

    pub(super) fn open(self, stale_window: Duration, clock: SharedClock) -> Storage {
        match self.store {
            Some(store) => Storage::custom(store, stale_window, clock),
            None => {
                let hot_ratio = self.hot_ratio.unwrap_or(HOT_RATIO);
                Storage::built_in(self.budget, hot_ratio, self.policy, stale_window, clock)
            }
        }
    }

    pub(super) fn check(&self) -> Result<(), Error> {
        if self.budget == 0 && self.hot_ratio.is_some() {
            let reason = "a group with a budget of zero keeps nothing";
            return Err(Error::invalid("hot_ratio", reason));
        }
        Ok(())
    }
}

impl fmt::Debug for StorageSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StorageSettings")
            .field("budget", &self.budget)
            .field("hot_ratio", &self.hot_ratio)
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}
