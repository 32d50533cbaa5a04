//! The store itself behind the simulator's trait.

use ahash::RandomState;
use lru::Cache;

use super::Policy;
use super::rivals::hasher;

/// The charge of an entry in traces of unit weight. With this charge, a cache picks the number of shards that it would
/// have with values of one KiB.
const ENTRY: usize = 1 << 10;

pub(crate) struct Store {
    cache: Cache<u32, (), RandomState>,
    /// The charge of one unit of weight.
    scale: usize,
}

impl Store {
    /// A store with this number of shards, or with the default number.
    pub(crate) fn new(budget: u64, unit: bool, shards: Option<usize>) -> Self {
        let scale = if unit { ENTRY } else { 1 };
        let builder = Cache::<(), ()>::builder(budget as usize * scale);
        let builder = match shards {
            Some(shards) => builder.shards(shards),
            None => builder,
        };
        Self {
            cache: builder.hasher(hasher()).build(),
            scale,
        }
    }
}

impl Policy for Store {
    fn access(&mut self, id: u32, weight: u64) -> bool {
        let hit = self.cache.get(&id).is_some();
        if !hit {
            // An object that is larger than the budget is refused.
            drop(self.cache.insert(id, (), weight as usize * self.scale));
        }
        hit
    }
}
