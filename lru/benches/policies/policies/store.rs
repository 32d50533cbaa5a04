//! The store itself behind the simulator's trait.

use ahash::RandomState;
use lru::Cache;

use super::Policy;
use super::rivals::hasher;

/// What an entry is charged where all weigh the same. With this charge a cache for so many entries picks the number of
/// shards that it would have with values of a kibibyte.
const ENTRY: usize = 1 << 10;

pub(crate) struct Store {
    cache: Cache<u32, (), RandomState>,
    /// What one unit of weight is charged.
    scale: usize,
}

impl Store {
    /// With as many shards as the store thinks best, or with so many.
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
