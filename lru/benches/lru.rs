//! The time of one operation, beside the same operation of the `lru` and `hashlink` crates.
//!
//! All stores use the same hash function. Keys are 24 bytes held in place, so that the bench measures the
//! store and not the allocator. Keys for lookups are drawn uniformly, the worst case for the processor's
//! caches. Each inserted key is new, so that each insert evicts.

use std::{
    hint::black_box,
    num::NonZeroUsize,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use lru::{Cache, DefaultHashBuilder, Lru};
use parking_lot::Mutex;

type Key = [u8; 24];

const SIZES: [usize; 2] = [10_000, 1_000_000];

fn key(n: u64) -> Key {
    let mut key = *b"/bench/0000000000/object";
    key[7..15].copy_from_slice(&n.to_le_bytes());
    key
}

/// Keys in a fixed, scattered order, each from 0 to `n`.
fn draws(n: usize, seed: u64) -> Vec<Key> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut draw = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        key(state % n as u64)
    };
    (0..1 << 18).map(|_| draw()).collect()
}

fn capacity(n: usize) -> NonZeroUsize {
    NonZeroUsize::new(n).expect("sizes are not zero")
}

fn hit(c: &mut Criterion) {
    for n in SIZES {
        let mut group = c.benchmark_group("hit");
        let draws = draws(n, 1);
        let mut draws = draws.iter().cycle();
        let mut draw = || draws.next().expect("the cycle does not end");

        let mut ours = Lru::new(n);
        (0..n as u64).for_each(|n| _ = ours.insert(key(n), n, 1));
        group.bench_function(BenchmarkId::new("Lru", n), |b| {
            b.iter(|| *ours.get(draw()).expect("all are present"));
        });

        // The other crates have a budget in entries only.
        let mut rival = rival_lru::LruCache::new(capacity(n));
        (0..n as u64).for_each(|n| _ = rival.push(key(n), n));
        group.bench_function(BenchmarkId::new("lru crate", n), |b| {
            b.iter(|| *rival.get(draw()).expect("all are present"));
        });

        let mut rival = hashlink::LruCache::with_hasher(n, DefaultHashBuilder::default());
        (0..n as u64).for_each(|n| _ = rival.insert(key(n), n));
        group.bench_function(BenchmarkId::new("hashlink", n), |b| {
            b.iter(|| *rival.get(draw()).expect("all are present"));
        });

        let later = Instant::now() + Duration::from_secs(86_400);
        (0..n as u64).for_each(|n| _ = ours.insert_until(key(n), n, 1, later));
        group.bench_function(BenchmarkId::new("Lru, entries that expire", n), |b| {
            b.iter(|| *ours.get(draw()).expect("all are present"));
        });
    }
}

fn insert_and_evict(c: &mut Criterion) {
    for n in SIZES {
        let mut group = c.benchmark_group("insert and evict");
        let full = n as u64;

        let mut ours = Lru::new(n);
        (0..full).for_each(|n| _ = ours.insert(key(n), n, 1));
        let mut fresh = (full..).map(key);
        group.bench_function(BenchmarkId::new("Lru", n), |b| {
            b.iter(|| ours.insert(fresh.next().expect("there are more"), 0, 1));
        });
        assert_eq!(ours.len(), n);

        let mut rival = rival_lru::LruCache::new(capacity(n));
        (0..full).for_each(|n| _ = rival.push(key(n), n));
        let mut fresh = (full..).map(key);
        group.bench_function(BenchmarkId::new("lru crate", n), |b| {
            b.iter(|| rival.push(fresh.next().expect("there are more"), 0));
        });
        assert_eq!(rival.len(), n);

        let mut rival = hashlink::LruCache::with_hasher(n, DefaultHashBuilder::default());
        (0..full).for_each(|n| _ = rival.insert(key(n), n));
        let mut fresh = (full..).map(key);
        group.bench_function(BenchmarkId::new("hashlink", n), |b| {
            b.iter(|| rival.insert(fresh.next().expect("there are more"), 0));
        });
        assert_eq!(rival.len(), n);

        // Each entry expires a little later than the one before, as with a single time to live.
        let mut ours = Lru::new(n);
        let later = Instant::now() + Duration::from_secs(86_400);
        let until = |n| later + Duration::from_nanos(n);
        (0..full).for_each(|n| _ = ours.insert_until(key(n), n, 1, until(n)));
        let mut fresh = full..;
        group.bench_function(BenchmarkId::new("Lru, entries that expire", n), |b| {
            b.iter(|| {
                let n = fresh.next().expect("there are more");
                ours.insert_until(key(n), 0, 1, until(n))
            });
        });
    }
}

/// The time that one thread takes for one lookup while `threads` threads do the same.
fn concurrent_hit(c: &mut Criterion) {
    const N: usize = 10_000;
    let mut group = c.benchmark_group("concurrent hit");
    let value: Arc<[u8]> = vec![0; 1024].into();
    let draws: Vec<_> = (1..=2).map(|seed| draws(N, seed)).collect();

    let mut bench = |name: &str, get: &(dyn Fn(&Key) -> Option<Arc<[u8]>> + Sync)| {
        for threads in [1, 2] {
            group.bench_function(BenchmarkId::new(name, threads), |b| {
                b.iter_custom(|rounds| {
                    let start = Instant::now();
                    thread::scope(|scope| {
                        for draws in &draws[..threads] {
                            scope.spawn(move || {
                                for key in draws.iter().cycle().take(rounds as usize) {
                                    black_box(get(key).expect("all are present"));
                                }
                            });
                        }
                    });
                    start.elapsed()
                });
            });
        }
    };

    let cache = Cache::builder(N).shards(8).build();
    let locked = Mutex::new(rival_lru::LruCache::new(capacity(N)));
    for n in 0..N as u64 {
        drop(cache.insert(key(n), Arc::from(&*value), 1));
        drop(locked.lock().push(key(n), Arc::from(&*value)));
    }
    bench("Cache", &|key| cache.get(key));
    bench("lru crate behind a mutex", &|key| {
        locked.lock().get(key).cloned()
    });
}

criterion_group!(benches, hit, insert_and_evict, concurrent_hit);
criterion_main!(benches);
