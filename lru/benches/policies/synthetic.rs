//! Synthetic traces of two million accesses each.
//!
//! [`published`] are half of the rows that the policy is measured by. [`others`] are workloads that those rows leave
//! out: popularity that moves, reuse by recency alone, one-hit wonders, bursts, nested loops. Their purpose is to show
//! where a policy fails. The choice of the constants took them into account too.

use crate::trace::Trace;
use crate::zipf::{Rng, Zipf, mix};

const ACCESSES: usize = 2_000_000;

/// Keys from here up belong to a second population.
const OTHER: u64 = 1 << 32;

pub(crate) fn published() -> Vec<Trace> {
    vec![
        zipf("Zipf 0.8", 0.8, 100_000, 1),
        zipf("Zipf 0.99", 0.99, 100_000, 2),
        zipf("Zipf 1.1", 1.1, 100_000, 3),
        scans("Zipf, 20% scans", 0.99, (8_000, 2_000), 200_000, 4),
        looping("loop 100k", 100_000),
        half_loop("half Zipf, half loop", (0.99, 50_000), 50_000, 5),
    ]
}

pub(crate) fn others() -> Vec<Trace> {
    vec![
        zipf("Zipf 0.6", 0.6, 60_000, 11),
        zipf("Zipf 0.9, 300k keys", 0.9, 300_000, 12),
        shifting("shift every 250k", 250_000, 13),
        shifting("shift every 50k", 50_000, 13),
        drifting("drift", 14),
        recency("recency 1.0", 1.0, 0.2, 15),
        recency("recency 0.7", 0.7, 0.1, 15),
        one_hit("half one-hit", 0.5, 16),
        one_hit("80% one-hit", 0.8, 16),
        bursts("bursts", 17),
        news("news", 18),
        looping("loop 30k", 30_000),
        looping("loop 200k", 200_000),
        nested_loops("nested loops"),
        scans("scans of 20k", 0.9, (30_000, 20_000), 100_000, 19),
        scans("scans of 500", 0.9, (1_000, 500), 1 << 30, 20),
        half_loop("half Zipf 0.8", (0.8, 100_000), 20_000, 21),
        phases("phases", 22),
    ]
}

/// Workloads that were written after the last constant of the policy was fixed, and run once. No constant may be tuned
/// to them.
pub(crate) fn held_out() -> Vec<Trace> {
    vec![
        zipf("Zipf 0.7, 200k keys", 0.7, 200_000, 101),
        zipf("Zipf 0.85, 30k keys", 0.85, 30_000, 102),
        zipf("Zipf 1.2, 500k keys", 1.2, 500_000, 103),
        shifting("shift every 120k", 120_000, 104),
        recency("recency 0.5", 0.5, 0.05, 105),
        recency("recency 1.2", 1.2, 0.4, 106),
        one_hit("65% one-hit", 0.65, 107),
        looping("loop 15k", 15_000),
        looping("loop 700k", 700_000),
        scans("half scans of 5k", 1.1, (5_000, 5_000), 40_000, 108),
        scans("scans of 10k", 0.8, (50_000, 10_000), 500_000, 109),
        half_loop("half Zipf 1.1", (1.1, 200_000), 8_000, 110),
        half_loop("half Zipf 0.7", (0.7, 40_000), 60_000, 111),
        fast_drift("fast drift", 112),
        random_walk("random walk", 113),
        sessions("sessions", 114),
    ]
}

/// Zipf 0.9 over objects whose sizes spread over three decades and have nothing to do with popularity.
pub(crate) fn sized() -> Trace {
    let zipf = Zipf::new(100_000, 0.9);
    let mut rng = Rng::new(31);
    Trace::weighted(
        "Zipf 0.9, 100 B..100 KB",
        (0..ACCESSES).map(|_| {
            let key = zipf.sample(&mut rng);
            let spread = (mix(key) >> 11) as f64 / (1_u64 << 53) as f64;
            (key, (100.0 * 1000_f64.powf(spread)) as u32)
        }),
    )
}

fn zipf(name: &str, s: f64, keys: u32, seed: u64) -> Trace {
    let zipf = Zipf::new(keys, s);
    let mut rng = Rng::new(seed);
    Trace::unit(name, (0..ACCESSES).map(|_| zipf.sample(&mut rng)))
}

/// Zipf over 50,000 keys, interrupted by sequential scans over a cold population.
fn scans(name: &str, s: f64, (hot, scan): (usize, usize), cold: u64, seed: u64) -> Trace {
    let zipf = Zipf::new(50_000, s);
    let mut rng = Rng::new(seed);
    let mut position = 0;
    Trace::unit(
        name,
        (0..ACCESSES).map(|i| {
            if i % (hot + scan) < hot {
                return zipf.sample(&mut rng);
            }
            position += 1;
            OTHER + position % cold
        }),
    )
}

fn looping(name: &str, keys: u64) -> Trace {
    Trace::unit(name, (0..ACCESSES as u64).map(|i| i % keys))
}

/// Zipf and a loop over other keys, taking turns.
fn half_loop(name: &str, (s, keys): (f64, u32), length: u64, seed: u64) -> Trace {
    let zipf = Zipf::new(keys, s);
    let mut rng = Rng::new(seed);
    Trace::unit(
        name,
        (0..ACCESSES as u64).map(|i| {
            if i % 2 == 0 {
                zipf.sample(&mut rng)
            } else {
                OTHER + (i / 2) % length
            }
        }),
    )
}

/// Zipf 0.9 whose ranks are dealt to the keys anew every `every` accesses.
fn shifting(name: &str, every: usize, seed: u64) -> Trace {
    let zipf = Zipf::new(50_000, 0.9);
    let mut rng = Rng::new(seed);
    Trace::unit(
        name,
        (0..ACCESSES).map(|i| mix(zipf.sample(&mut rng) + (((i / every) as u64) << 32)) % 50_000),
    )
}

/// Zipf 0.9 over 20,000 keys that slide over the key space, one key in twenty accesses.
fn drifting(name: &str, seed: u64) -> Trace {
    let zipf = Zipf::new(20_000, 0.9);
    let mut rng = Rng::new(seed);
    Trace::unit(
        name,
        (0..ACCESSES as u64).map(|i| i / 20 + zipf.sample(&mut rng)),
    )
}

/// A new key with probability `fresh`, else a repetition of the access that lies a Zipf-distributed distance back.
fn recency(name: &str, s: f64, fresh: f64, seed: u64) -> Trace {
    let zipf = Zipf::new(20_000, s);
    let mut rng = Rng::new(seed);
    let mut history = vec![0];
    Trace::unit(
        name,
        (0..ACCESSES as u64).map(|i| repeat_or_new(&zipf, &mut rng, &mut history, fresh, i + 1)),
    )
}

fn repeat_or_new(zipf: &Zipf, rng: &mut Rng, history: &mut Vec<u64>, fresh: f64, new: u64) -> u64 {
    let last = history.len() - 1;
    let key = if rng.unit() < fresh {
        new
    } else {
        history[last - (zipf.sample(rng) as usize).min(last)]
    };
    history.push(key);
    key
}

/// Zipf 0.95, and with probability `share` a key that never comes again.
fn one_hit(name: &str, share: f64, seed: u64) -> Trace {
    let zipf = Zipf::new(50_000, 0.95);
    let mut rng = Rng::new(seed);
    Trace::unit(
        name,
        (0..ACCESSES as u64).map(|i| {
            if rng.unit() < share {
                OTHER + i
            } else {
                zipf.sample(&mut rng)
            }
        }),
    )
}

/// Half Zipf 0.95, half keys that are read about three times at short distance and never again.
fn bursts(name: &str, seed: u64) -> Trace {
    let zipf = Zipf::new(50_000, 0.95);
    let mut rng = Rng::new(seed);
    let mut burst = 0;
    Trace::unit(
        name,
        (0..ACCESSES).map(|_| {
            if rng.unit() < 0.5 {
                burst += 1;
                OTHER + burst / 3 + rng.below(60)
            } else {
                zipf.sample(&mut rng)
            }
        }),
    )
}

/// Stories appear at a steady rate and are forgotten; a product of exponentials gives their ages a long tail.
fn news(name: &str, seed: u64) -> Trace {
    let mut rng = Rng::new(seed);
    Trace::unit(
        name,
        (0..ACCESSES as u64).map(|i| {
            let age = (rng.exponential() * rng.exponential() * 4_000.0) as u64;
            (i / 10 + 100_000).saturating_sub(age)
        }),
    )
}

/// Four rounds of a loop over 3,000 keys, which then moves on by 2,000; a long loop of short ones.
fn nested_loops(name: &str) -> Trace {
    Trace::unit(
        name,
        (0..ACCESSES as u64).map(|i| (i / 12_000) % 50 * 2_000 + i % 3_000),
    )
}

/// In turn 200,000 accesses each: Zipf, a loop over 30,000 keys, reuse by recency.
fn phases(name: &str, seed: u64) -> Trace {
    let zipf = Zipf::new(50_000, 0.99);
    let distance = Zipf::new(5_000, 0.8);
    let mut rng = Rng::new(seed);
    let mut history = vec![0];
    Trace::unit(
        name,
        (0..ACCESSES as u64).map(|i| match (i / 200_000) % 3 {
            0 => zipf.sample(&mut rng),
            1 => OTHER + i % 30_000,
            _ => repeat_or_new(&distance, &mut rng, &mut history, 0.2, 2 * OTHER + i),
        }),
    )
}

/// Zipf 1.0 over 8,000 keys that slide over the key space, one key in six accesses.
fn fast_drift(name: &str, seed: u64) -> Trace {
    let zipf = Zipf::new(8_000, 1.0);
    let mut rng = Rng::new(seed);
    Trace::unit(
        name,
        (0..ACCESSES as u64).map(|i| i / 6 + zipf.sample(&mut rng)),
    )
}

/// A neighbourhood of keys around a point that wanders at random.
fn random_walk(name: &str, seed: u64) -> Trace {
    let mut rng = Rng::new(seed);
    let mut at = 100_000_u64;
    Trace::unit(
        name,
        (0..ACCESSES).map(|_| {
            at = (at + rng.below(401)).saturating_sub(200);
            at / 4 + rng.below(64) * rng.below(64)
        }),
    )
}

/// 64 sessions at a time, each on 16 keys of its own; one access in fifty begins another session, Zipf 0.8.
fn sessions(name: &str, seed: u64) -> Trace {
    let zipf = Zipf::new(100_000, 0.8);
    let mut rng = Rng::new(seed);
    let mut open: Vec<u64> = (0..64).collect();
    Trace::unit(
        name,
        (0..ACCESSES).map(|_| {
            let session = rng.below(64) as usize;
            if rng.unit() < 0.02 {
                open[session] = zipf.sample(&mut rng);
            }
            open[session] * 16 + rng.below(16)
        }),
    )
}
