use lru::Policy;

use super::group_builder::GroupBuilder;
use crate::Error;
use crate::store::{StorageSettings, Store};

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
    pub(super) fn check(&self) -> Result<(), Error> {
        if self.budget == 0 && self.hot_ratio.is_some() {
            let reason = "a group with a budget of zero keeps nothing";
            return Err(Error::invalid("hot_ratio", reason));
        }
        Ok(())
    }
}
