//! Working sets that follow one another: what a store makes of keys that nobody asks for any more.

use std::ops::Range;

use crate::trace::Trace;
use crate::zipf::{Rng, Zipf};

/// A trace of working sets, each of which is read in several rounds and never again.
pub(crate) struct Shift {
    pub(crate) trace: Trace,
    /// The bytes that the cache has room for.
    pub(crate) budget: u64,
    /// The accesses of each round of each set that takes the place of another load. There are [`ROUNDS`] to a set.
    pub(crate) rounds: Vec<Range<usize>>,
}

/// How often each set is read.
pub(crate) const ROUNDS: usize = 6;

/// What the cache is full of when the first of the sets comes.
#[derive(Clone, Copy)]
enum Before {
    /// A set that fits.
    Set,
    /// Zipf with this exponent, over three times as many keys as the cache has room for.
    Zipf(f64),
}

pub(crate) fn all() -> Vec<Shift> {
    let up: Vec<u32> = (0..9).map(|n| 100 << n).chain([50_000]).collect();
    let down: Vec<u32> = up.iter().copied().rev().collect();
    let mut shifts = Vec::new();
    for random in [false, true] {
        let mut add = |name: &str, before, sizes: &[u32], entries, percent, seed| {
            let order = if random { "random" } else { "same" };
            shifts.push(shift(
                &format!("{name}, {order} order"),
                (before, sizes),
                entries,
                percent,
                random.then(|| Rng::new(seed)),
            ));
        };
        add(
            "1000 B over 100 B",
            Before::Set,
            &[100, 1_000],
            5_000,
            90,
            201,
        );
        add(
            "100 B over 1000 B",
            Before::Set,
            &[1_000, 100],
            5_000,
            90,
            202,
        );
        add("one size", Before::Set, &[500; 3], 5_000, 90, 203);
        add("one size, half", Before::Set, &[500; 3], 5_000, 50, 204);
        add("ten sizes up", Before::Set, &up, 1_000, 90, 205);
        add("ten sizes down", Before::Set, &down, 1_000, 90, 206);
        add(
            "after Zipf 0.99",
            Before::Zipf(0.99),
            &[500; 2],
            5_000,
            90,
            207,
        );
        add(
            "after Zipf 0.7",
            Before::Zipf(0.7),
            &[500; 2],
            5_000,
            90,
            208,
        );
    }
    shifts
}

/// The cache has room for `entries` of the largest size. The load before fills it, and each set takes up `percent` of
/// it. Each round has the same order, or one of its own if there is an `rng`.
fn shift(
    name: &str,
    (before, sizes): (Before, &[u32]),
    entries: u64,
    percent: u64,
    mut rng: Option<Rng>,
) -> Shift {
    let budget = entries * u64::from(sizes.iter().copied().max().unwrap_or(1));
    let mut accesses: Vec<(u64, u32)> = Vec::new();
    let mut rounds = Vec::new();
    for (set, &size) in (0_u64..).zip(sizes) {
        let first = set == 0;
        let room = budget / u64::from(size);
        if let (true, Before::Zipf(s)) = (first, before) {
            let zipf = Zipf::new(3 * room as u32, s);
            let mut rng = Rng::new(200);
            accesses.extend((0..20 * room).map(|_| (zipf.sample(&mut rng), size)));
            continue;
        }
        let keys = room * if first { 100 } else { percent } / 100;
        let mut keys: Vec<u64> = (0..keys).map(|key| set << 32 | key).collect();
        for _ in 0..ROUNDS {
            if let Some(rng) = &mut rng {
                for n in (1..keys.len()).rev() {
                    keys.swap(n, rng.below(n as u64 + 1) as usize);
                }
            }
            let from = accesses.len();
            accesses.extend(keys.iter().map(|&key| (key, size)));
            if !first {
                rounds.push(from..accesses.len());
            }
        }
    }
    Shift {
        trace: Trace::weighted(name, accesses),
        budget,
        rounds,
    }
}
