//! The simulator in `benches/policies` has its own implementation of the policy, with constants that can
//! be varied. With the shipped constants, it keeps what the store keeps.

#![allow(
    dead_code,
    reason = "the simulator's files have more than this test needs"
)]

#[path = "../benches/policies/policies/ghost_clock.rs"]
mod ghost_clock;
#[path = "../benches/policies/policies/ghosts.rs"]
mod ghosts;
#[path = "../benches/policies/policies/lists.rs"]
mod lists;
#[path = "../benches/policies/policies/patience.rs"]
mod patience;
#[path = "../benches/policies/zipf.rs"]
mod zipf;

use ghost_clock::{GhostClock, Tuning};
use lru::Cache;

/// What the simulator's policies have in common; see `benches/policies/policies/mod.rs`.
pub(crate) trait Policy {
    fn access(&mut self, id: u32, weight: u64) -> bool;
}

const KEYS: u32 = 20_000;
const ACCESSES: usize = 400_000;

/// Pseudo-random numbers by xorshift (Marsaglia 2003).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u32) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % u64::from(bound)) as u32
    }

    /// A key, the smallest of four draws: a few keys are asked for often, and most keys seldom.
    fn skewed(&mut self) -> u32 {
        (0..4).map(|_| self.below(KEYS)).min().unwrap_or_default()
    }
}

/// The hits of the simulator and of the store, in percent.
fn hit_ratios(entries: usize, mut next: impl FnMut(usize) -> u32) -> [f64; 2] {
    const CHARGE: usize = 1 << 10;
    let mut simulated = GhostClock::new(entries as u64, 2 * KEYS as usize, Tuning::DEFAULT);
    let store = Cache::<(), ()>::builder(entries * CHARGE).shards(1);
    let store: Cache<u32, ()> = store.build();
    let mut hits = [0_u32; 2];
    for n in 0..ACCESSES {
        let id = next(n);
        hits[0] += u32::from(simulated.access(id, 1));
        let found = store.get(&id).is_some();
        hits[1] += u32::from(found);
        if !found {
            store.insert(id, (), CHARGE).unwrap();
        }
    }
    hits.map(|hits| f64::from(hits) * 100.0 / ACCESSES as f64)
}

#[test]
fn the_simulated_policy_keeps_what_the_shipped_one_keeps() {
    for entries in [200, 1_000, 4_000] {
        let mut random = Random(0x9e37_79b9_7f4a_7c15);
        let skewed = hit_ratios(entries, |_| random.skewed());
        let mut random = Random(42);
        let scanned = hit_ratios(entries, |n| {
            if n % 10_000 < 8_000 {
                random.skewed()
            } else {
                KEYS + (n as u32 % KEYS)
            }
        });
        for (load, [simulated, shipped]) in [("skewed", skewed), ("scan", scanned)] {
            // Ghosts have short fingerprints, whose collisions differ between the two. A loop is not among
            // the loads, because in a loop every key finds its ghost, and one collision decides many hits.
            assert!(
                (simulated - shipped).abs() < 0.5,
                "{load}, {entries} entries: {simulated:.2} % simulated, {shipped:.2} % shipped"
            );
        }
    }
}
