//! Published crates behind the simulator's trait, at exact capacity and in one shard.

use ahash::RandomState;

use super::Policy;

/// A hash builder with a fixed seed, so that a run can be repeated.
pub(super) fn hasher() -> RandomState {
    RandomState::with_seeds(1, 2, 3, 4)
}

#[derive(Clone)]
struct ValueIsWeight;

impl quick_cache::Weighter<u32, u64> for ValueIsWeight {
    fn weight(&self, _: &u32, value: &u64) -> u64 {
        *value
    }
}

/// Clock-PRO as quick_cache has it.
pub(crate) struct QuickCache(quick_cache::unsync::Cache<u32, u64, ValueIsWeight, RandomState>);

impl QuickCache {
    pub(crate) fn new(budget: u64, entries: u64) -> Self {
        let lifecycle = quick_cache::unsync::DefaultLifecycle::default();
        Self(quick_cache::unsync::Cache::with(
            entries as usize,
            budget,
            ValueIsWeight,
            hasher(),
            lifecycle,
        ))
    }
}

impl Policy for QuickCache {
    fn access(&mut self, id: u32, weight: u64) -> bool {
        let hit = self.0.get(&id).is_some();
        if !hit {
            self.0.insert(id, weight);
        }
        hit
    }
}

/// TinyLFU as moka has it.
pub(crate) struct Moka(moka::sync::Cache<u32, u64, RandomState>);

impl Moka {
    /// Unit weights use the crate's default, with which moka sizes its sketch better than with any weigher.
    pub(crate) fn new(budget: u64, unit: bool) -> Self {
        let builder = moka::sync::Cache::builder().max_capacity(budget);
        let builder = if unit {
            builder
        } else {
            builder.weigher(|_, &weight: &u64| weight.try_into().unwrap_or(u32::MAX))
        };
        Self(builder.build_with_hasher(hasher()))
    }
}

impl Policy for Moka {
    fn access(&mut self, id: u32, weight: u64) -> bool {
        let hit = self.0.get(&id).is_some();
        if !hit {
            self.0.insert(id, weight);
        }
        hit
    }
}

/// moka that is held to its capacity. Left to itself, it has some inserts wait before it evicts, which makes a tiny cache a
/// larger one.
pub(crate) struct TendedMoka(Moka);

impl TendedMoka {
    pub(crate) fn new(budget: u64) -> Self {
        Self(Moka::new(budget, true))
    }
}

impl Policy for TendedMoka {
    fn access(&mut self, id: u32, weight: u64) -> bool {
        let hit = self.0.access(id, weight);
        self.0.0.run_pending_tasks();
        hit
    }
}

/// W-TinyLFU with a fixed window as foyer has it.
pub(crate) struct FoyerLfu(foyer::Cache<u32, u64, RandomState>);

impl FoyerLfu {
    pub(crate) fn new(budget: u64) -> Self {
        Self(foyer(budget, foyer::LfuConfig::default()))
    }
}

impl Policy for FoyerLfu {
    fn access(&mut self, id: u32, weight: u64) -> bool {
        access_foyer(&self.0, id, weight)
    }
}

/// S3-FIFO as foyer has it.
pub(crate) struct FoyerS3Fifo(foyer::Cache<u32, u64, RandomState>);

impl FoyerS3Fifo {
    pub(crate) fn new(budget: u64) -> Self {
        Self(foyer(budget, foyer::S3FifoConfig::default()))
    }
}

impl Policy for FoyerS3Fifo {
    fn access(&mut self, id: u32, weight: u64) -> bool {
        access_foyer(&self.0, id, weight)
    }
}

fn foyer(
    budget: u64,
    policy: impl Into<foyer::EvictionConfig>,
) -> foyer::Cache<u32, u64, RandomState> {
    foyer::CacheBuilder::new(budget as usize)
        .with_shards(1)
        .with_eviction_config(policy)
        .with_hash_builder(hasher())
        .with_weighter(|_, &weight: &u64| weight as usize)
        .build()
}

fn access_foyer(cache: &foyer::Cache<u32, u64, RandomState>, id: u32, weight: u64) -> bool {
    let hit = cache.get(&id).is_some();
    if !hit {
        cache.insert(id, weight);
    }
    hit
}
