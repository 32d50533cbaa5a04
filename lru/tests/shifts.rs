//! A cache full of keys that nobody asks for any more gives way to a new working set at once: the set is
//! loaded once, and from then on every lookup is a hit.

use std::hash::{BuildHasherDefault, DefaultHasher};

use lru::Cache;

/// How often each working set is read.
const ROUNDS: usize = 5;
/// The bytes that an entry takes up beside its value.
const OVERHEAD: usize = Cache::<u64, Box<[u8]>>::BYTES_PER_ENTRY;

#[derive(Clone, Copy, Debug)]
enum Order {
    Same,
    Random,
}

/// Working sets that follow one another. Each takes up a share of the budget.
struct Shift {
    budget: usize,
    shards: usize,
    /// The bytes of the values in each set.
    sizes: Vec<usize>,
    percent: usize,
    order: Order,
    /// Whether all entries of a set are removed before the next one comes, but for the last.
    empties: bool,
}

/// Pseudo-random numbers by xorshift (Marsaglia 2003).
struct Random(u64);

impl Random {
    fn shuffle<T>(&mut self, items: &mut [T]) {
        for n in (1..items.len()).rev() {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            items.swap(n, (self.0 % (n as u64 + 1)) as usize);
        }
    }
}

impl Shift {
    /// The misses in each round of each set.
    fn misses(&self) -> Vec<[usize; ROUNDS]> {
        let cache = Cache::<(), ()>::builder(self.budget).shards(self.shards);
        // No seed, so that a failure can be repeated.
        let hasher = BuildHasherDefault::<DefaultHasher>::default();
        let cache: Cache<u64, (), _> = cache.hasher(hasher).build();
        let mut random = Random(0x9e37_79b9_7f4a_7c15);
        let sets = self.sizes.iter().zip(0_u64..).map(|(&size, set)| {
            let charge = size + OVERHEAD;
            // The first set fills the cache, and so does one that finds it empty.
            let is_first = set == 0 || (self.empties && set as usize + 1 < self.sizes.len());
            let percent = if is_first { 100 } else { self.percent };
            let keys = (self.budget * percent / 100 / charge) as u64;
            let mut keys: Vec<u64> = (0..keys).map(|key| set << 32 | key).collect();
            [(); ROUNDS].map(|()| {
                if let Order::Random = self.order {
                    random.shuffle(&mut keys);
                }
                let mut misses = 0;
                for &key in &keys {
                    if cache.get(&key).is_none() {
                        cache.insert(key, (), charge).unwrap();
                        misses += 1;
                    }
                }
                misses
            })
        });
        let sets = sets.zip(1..).map(|(misses, set)| {
            if self.empties && set + 1 < self.sizes.len() {
                cache.retain(|_, (), _| false);
            }
            misses
        });
        sets.collect()
    }

    /// Every set after the first is loaded in its first round, and is all hits from the second on.
    fn is_loaded_once(&self) {
        for (set, misses) in self.misses().iter().enumerate().skip(1) {
            assert_eq!(
                misses[1..],
                [0; ROUNDS - 1],
                "{} bytes over {} bytes, {:?} order, {} shards, budget {}: {} loads at first",
                self.sizes[set],
                self.sizes[set - 1],
                self.order,
                self.shards,
                self.budget,
                misses[0],
            );
        }
    }
}

fn shifts(budget: usize, percent: usize, sizes: &[usize]) {
    for shards in [1, 8] {
        for order in [Order::Same, Order::Random] {
            let sizes = sizes.to_vec();
            Shift {
                budget,
                shards,
                sizes,
                percent,
                order,
                empties: false,
            }
            .is_loaded_once();
        }
    }
}

#[test]
fn a_cache_that_has_lost_all_entries_gives_way_as_before() {
    for shards in [1, 8] {
        Shift {
            budget: 4 << 20,
            shards,
            sizes: vec![500; 4],
            percent: 90,
            order: Order::Same,
            empties: true,
        }
        .is_loaded_once();
    }
}

#[test]
fn large_values_take_the_place_of_small_ones() {
    shifts(4 << 20, 90, &[100, 1_000]);
}

#[test]
fn small_values_take_the_place_of_large_ones() {
    shifts(4 << 20, 90, &[1_000, 100]);
}

#[test]
fn values_of_one_size_take_the_place_of_others() {
    shifts(4 << 20, 90, &[500, 500, 500]);
    shifts(4 << 20, 50, &[500, 500, 500, 500]);
    shifts(4 << 20, 10, &[500, 500, 500, 500]);
}

#[test]
fn ten_sizes_follow_one_another() {
    let mut sizes: Vec<usize> = (0..9).map(|n| 100 << n).chain([50_000]).collect();
    shifts(32 << 20, 90, &sizes);
    sizes.reverse();
    shifts(32 << 20, 90, &sizes);
}
