//! One policy split over shards by the hash of the key, as in a concurrent store. Each shard has its part of the budget.

use super::Policy;
use crate::zipf::mix;

pub(crate) struct Sharded<P> {
    shards: Vec<P>,
    /// The shard of each object, and its number there.
    routes: Vec<(u32, u32)>,
}

impl<P> Sharded<P> {
    /// `new` makes a shard from its budget and its number of objects.
    pub(crate) fn new(
        budget: u64,
        objects: usize,
        shards: u64,
        new: impl Fn(u64, usize) -> P,
    ) -> Self {
        let mut sizes = vec![0; shards as usize];
        let routes = (0..objects as u64)
            .map(|id| {
                let shard = mix(id ^ 0x5bd1_e995) % shards;
                let local = sizes[shard as usize];
                sizes[shard as usize] += 1;
                (shard as u32, local)
            })
            .collect();
        let share = |i: u64| budget / shards + u64::from(i < budget % shards);
        let shards = (0..shards)
            .zip(&sizes)
            .map(|(i, &size)| new(share(i), size as usize))
            .collect();
        Self { shards, routes }
    }
}

impl<P: Policy> Policy for Sharded<P> {
    fn access(&mut self, id: u32, weight: u64) -> bool {
        let (shard, local) = self.routes[id as usize];
        self.shards[shard as usize].access(local, weight)
    }
}
