use super::{BATCH, Cache};
use crate::Clock;

impl<K, V, S, C: Clock> Cache<K, V, S, C> {
    /// Changes the budget while the cache serves. A lower one has been brought about on return:
    /// entries are evicted and dropped in small batches, between which others are let in.
    pub fn set_budget(&self, budget: usize) {
        // Inserts read the limit and take bytes under the lock of their shard: while all are
        // locked, none is between the two. No other call holds two locks, and two of these lock
        // in the same order.
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
            drop(evicted);
        }
    }
}
