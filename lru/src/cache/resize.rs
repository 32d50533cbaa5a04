use allocator_api2::alloc::Allocator;

use super::{BATCH, Cache};
use crate::{Clock, Removed};

impl<K, V, S, C: Clock, A: Allocator + Clone> Cache<K, V, S, C, A> {
    /// Takes out one entry, as if there were too little room, and returns it: an expired one, or the one that the policy gives up
    /// first, from the shard with most to give. `None` if the cache is empty, or that shard has just become so.
    ///
    /// For a caller who has to give memory back that the charges do not tell of.
    pub fn evict(&self) -> Option<Removed<K, V>> {
        let at = self
            .stalest(usize::MAX)
            .unwrap_or_else(|| self.fullest(None));
        let evicted = self.lock(at).evict(None, self.hot_ratio, &self.clock);
        self.tell(&evicted);
        evicted
    }

    /// Changes the budget, in bytes, while the cache serves.
    ///
    /// If the new budget is lower, the call evicts and drops entries in small batches. It releases
    /// the lock between batches, so that other threads get in. Until the call returns, the sum of the
    /// charges may exceed the new budget.
    pub fn set_budget(&self, budget: usize) {
        // An insert reads the limit and takes its bytes under one hold of its shard's lock. While all
        // shards are locked, no insert is between the two steps. This cannot deadlock: no other call
        // holds two locks, and two calls of this function lock in the same order.
        let all: Vec<_> = (0..self.shards.len()).map(|at| self.lock(at)).collect();
        self.budget.set_limit(budget);
        drop(all);

        while self.budget.used() > self.budget.limit() {
            let mut evicted = Vec::new();
            {
                let mut shard = self.lock(self.fullest(None));
                while evicted.len() < BATCH && self.budget.used() > self.budget.limit() {
                    let Some(victim) = shard.evict(None, self.hot_ratio, &self.clock) else {
                        break;
                    };
                    evicted.push(victim);
                }
            }
            self.tell(&evicted);
            drop(evicted);
        }
    }
}
