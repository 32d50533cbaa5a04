use std::thread;

use allocator_api2::alloc::{Allocator, Global};

use crate::{Cache, DefaultHashBuilder, Policy, SystemClock};

/// The settings of a [`Cache`]. [`Cache::builder`] makes them.
#[derive(Clone, Debug)]
#[must_use]
pub struct CacheBuilder<S = DefaultHashBuilder, C = SystemClock> {
    budget: usize,
    shards: usize,
    hot_ratio: usize,
    policy: Policy,
    hasher: S,
    clock: C,
}

/// The least share of the budget that a shard gets by default, in bytes. With a smaller share, a
/// shard would hold too few entries for its order of use to mean much.
const LEAST_SHARE: usize = 1 << 20;

const MOST_SHARDS: usize = 1 << 10;

impl<K, V> Cache<K, V> {
    /// An empty cache that holds up to `budget` bytes.
    pub fn new(budget: usize) -> Self {
        CacheBuilder::new(budget).build()
    }
}

impl Cache<(), ()> {
    /// The settings of a cache that holds up to `budget` bytes.
    pub fn builder(budget: usize) -> CacheBuilder {
        CacheBuilder::new(budget)
    }
}

impl CacheBuilder {
    fn new(budget: usize) -> Self {
        let threads = thread::available_parallelism().map_or(1, usize::from);
        // Four shards a thread: two threads that look for different keys rarely meet.
        let shards = (4 * threads).next_power_of_two().min(budget / LEAST_SHARE);
        Self {
            budget,
            shards: floor_to_power_of_two(shards),
            hot_ratio: 8,
            policy: Policy::default(),
            hasher: DefaultHashBuilder::default(),
            clock: SystemClock,
        }
    }
}

impl<S, C> CacheBuilder<S, C> {
    /// The number of shards, rounded down to a power of two from 1 to 1024. Each shard has its own
    /// lock.
    ///
    /// More shards let more threads in at once. They make the choice of victims a little less exact,
    /// because each shard knows the order of use among its own entries only.
    ///
    /// The default is four per available thread, rounded up to a power of two, but no more than one
    /// per MiB of the budget.
    pub fn shards(mut self, shards: usize) -> Self {
        self.shards = floor_to_power_of_two(shards);
        self
    }

    /// When room is needed, entries of [`Class::Hot`](crate::Class::Hot) give way first while they
    /// take up more than one `ratio`th of the bytes of [`Class::Main`](crate::Class::Main). The
    /// default, 8, is that of golang/groupcache. With 0, hot entries stay until main is empty.
    pub fn hot_ratio(mut self, ratio: usize) -> Self {
        self.hot_ratio = ratio;
        self
    }

    /// Which entries give way when room is needed. Default: [`Policy::GhostClock`].
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// Sets the hash builder.
    pub fn hasher<T>(self, hasher: T) -> CacheBuilder<T, C> {
        let Self {
            budget,
            shards,
            hot_ratio,
            policy,
            hasher: _,
            clock,
        } = self;
        CacheBuilder {
            budget,
            shards,
            hot_ratio,
            policy,
            hasher,
            clock,
        }
    }

    /// Sets the clock.
    pub fn clock<T>(self, clock: T) -> CacheBuilder<S, T> {
        let Self {
            budget,
            shards,
            hot_ratio,
            policy,
            hasher,
            clock: _,
        } = self;
        CacheBuilder {
            budget,
            shards,
            hot_ratio,
            policy,
            hasher,
            clock,
        }
    }

    /// Makes an empty cache with these settings.
    pub fn build<K, V>(self) -> Cache<K, V, S, C> {
        self.build_in(Global)
    }

    /// Makes an empty cache whose tables take their memory from an allocator. What the keys and values have allocated is theirs.
    ///
    /// The tables allocate pieces of some KiB, most of them 4 KiB, aligned to 64 bytes at most. They free one when some hundred
    /// entries less are in a shard. The short lists of these pieces come from the global allocator.
    pub fn build_in<K, V, A: Allocator + Clone>(self, memory: A) -> Cache<K, V, S, C, A> {
        Cache::assemble(
            self.budget,
            self.shards,
            self.hot_ratio,
            self.policy,
            self.hasher,
            self.clock,
            &memory,
        )
    }
}

fn floor_to_power_of_two(n: usize) -> usize {
    1 << n.clamp(1, MOST_SHARDS).ilog2()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shard_counts_are_powers_of_two() {
        let counts = [0, 1, 2, 3, 63, 64, usize::MAX].map(floor_to_power_of_two);
        assert_eq!(counts, [1, 1, 2, 2, 32, 64, 1024]);
    }

    #[test]
    fn a_small_budget_is_not_split() {
        assert_eq!(CacheBuilder::new(0).shards, 1);
        assert_eq!(CacheBuilder::new((2 << 20) - 1).shards, 1);
        assert!(CacheBuilder::new(usize::MAX).shards >= 4);
    }
}
