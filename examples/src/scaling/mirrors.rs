use std::collections::hash_map::DefaultHasher;
use std::hash::BuildHasherDefault;

use groupcache::testing::{Candidates, Demand};
use groupcache::{ByteView, Key, OwnerMeasured, Promoter};
use lru::{Cache, Class, Meta};

use super::rates::Rates;

/// The mirrors of one node, and what decides on them.
pub(super) struct Mirrors {
    /// Its hasher has no random seed, so that a run can be repeated.
    cache: Cache<u32, (), BuildHasherDefault<DefaultHasher>>,
    promoter: OwnerMeasured,
    rates: Rates,
}

impl Mirrors {
    /// No mirrors yet, and room for so many.
    pub(super) fn new(room: usize) -> Self {
        let settings = Cache::<(), ()>::builder(room).shards(1);
        Self {
            cache: settings.hasher(BuildHasherDefault::default()).build(),
            promoter: OwnerMeasured::default(),
            rates: Rates::new(),
        }
    }

    /// Whether there is a mirror of the key.
    pub(super) fn has(&self, key: u32) -> bool {
        self.cache.get(&key).is_some()
    }

    /// Takes a value that has come from its owner, who counts `owner_minute_qps`. The promoter decides whether
    /// it becomes a mirror.
    pub(super) fn offer(
        &mut self,
        key: u32,
        owner_minute_qps: f64,
        members: usize,
        now: f32,
        candidates: &Candidates,
    ) {
        let (local_minute_qps, seen_before) = self.rates.count(key, now);
        let demand = Demand {
            owner_minute_qps: Some(owner_minute_qps),
            local_minute_qps,
            seen_before,
            members,
            has_room: self.cache.bytes() < self.cache.budget(),
        };
        let (name, value) = (Key::from(""), ByteView::default());
        if self
            .promoter
            .promote(&candidates.candidate(&name, &value, demand))
        {
            // Each weighs one of a budget that counts mirrors, so that none is too large.
            let _ = self.cache.insert(key, (), Meta::new(1).class(Class::Hot));
        }
    }
}
