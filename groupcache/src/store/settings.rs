use std::fmt;

use lru::Policy;

use super::aging::Aging;
use super::below::Below;
use super::custom::Store;
#[cfg(feature = "disk")]
use super::disk::DiskOptions;
use super::eviction::OnEvicted;
use super::listeners::Listeners;
use super::packing::Packing;
use super::storage::Storage;
use crate::clock::SharedClock;

/// Where a group keeps its values, and which give way.
pub(crate) struct StorageSettings {
    /// In bytes.
    pub(crate) budget: usize,
    /// `None` until it is set, because a group without a budget must not have one.
    pub(crate) hot_ratio: Option<usize>,
    pub(crate) policy: Policy,
    pub(crate) packing: Packing,
    /// A store of the user's, in place of the group's own.
    pub(crate) store: Option<Box<dyn Store>>,
    /// Hears of entries that leave the group's own store.
    pub(crate) on_evicted: Option<OnEvicted>,
    /// Where values go that make room.
    #[cfg(feature = "disk")]
    pub(crate) disk: Option<DiskOptions>,
}

/// golang/groupcache's: hot entries give way once they take up an eighth of the main ones.
const HOT_RATIO: usize = 8;

impl StorageSettings {
    pub(crate) fn new(budget: usize) -> Self {
        Self {
            budget,
            hot_ratio: None,
            policy: Policy::default(),
            packing: Packing::default(),
            store: None,
            on_evicted: None,
            #[cfg(feature = "disk")]
            disk: None,
        }
    }

    /// The store with these settings, empty in memory.
    pub(crate) fn open(self, aging: Aging, clock: SharedClock, below: Below) -> Storage {
        match self.store {
            Some(store) => Storage::custom(store, aging, clock),
            None => {
                let hot_ratio = self.hot_ratio.unwrap_or(HOT_RATIO);
                let on_evicted = self.on_evicted;
                let listeners = Listeners { on_evicted, below };
                let (budget, policy, packing) = (self.budget, self.policy, self.packing);
                Storage::built_in(budget, hot_ratio, policy, packing, aging, clock, listeners)
            }
        }
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
