//! The cost of lookups and of building, compared with the hashring crate and a plain binary search.

use std::hash::BuildHasherDefault;
use std::hint::black_box;

use consistenthash::{Ring, Scheme};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use hashring::HashRing;
use xxhash_rust::xxh3::{Xxh3Default, xxh3_64};

/// Enough keys that a large ring does not fit in the cache beside them.
const KEYS: usize = 1 << 16;

fn members(n: usize) -> Vec<String> {
    (0..n)
        .map(|i| format!("http://10.0.{}.{}:8080", i / 250, i % 250 + 1))
        .collect()
}

/// Returns one key of 24 bytes at each call, in turn.
fn keys() -> impl FnMut() -> [u8; 24] {
    let keys: Vec<[u8; 24]> = (0..KEYS as u64)
        .map(|i| {
            let key = format!("user:{:019}", xxh3_64(&i.to_le_bytes()) >> 1);
            key.into_bytes().try_into().expect("5 + 19 digits")
        })
        .collect();
    let mut at = 0;
    move || {
        at = (at + 1) % KEYS;
        keys[at]
    }
}

/// The floor: the same points in one sorted array, found by binary search.
struct Naive(Vec<(u64, u32)>);

impl Naive {
    fn new(members: &[String], replicas: u32) -> Self {
        let mut points: Vec<_> = (0..)
            .zip(members)
            .flat_map(|(owner, member)| {
                (0..replicas).map(move |i| (xxh3_64(format!("{member}{i}").as_bytes()), owner))
            })
            .collect();
        points.sort_unstable();
        Self(points)
    }

    fn owner(&self, key: &[u8]) -> u32 {
        let hash = xxh3_64(key);
        let at = self.0.partition_point(|(point, _)| *point < hash);
        self.0[if at == self.0.len() { 0 } else { at }].1
    }
}

fn lookup(c: &mut Criterion) {
    let native = Scheme::native().replica_count();
    for replicas in [50, native] {
        let mut group = c.benchmark_group(format!("lookup/x{replicas}"));
        for n in [10, 100, 1000] {
            let names = members(n);

            let schemes = [
                ("native", Scheme::native()),
                ("golang", Scheme::golang()),
                ("mailgun", Scheme::mailgun()),
            ];
            for (name, scheme) in schemes {
                if replicas == native && name != "native" {
                    continue;
                }
                let ring = Ring::new(scheme.replicas(replicas), names.clone()).expect("valid");
                let mut key = keys();
                group.bench_function(BenchmarkId::new(name, n), |b| {
                    b.iter(|| black_box(ring.owner(&key())).len());
                });
            }

            let naive = Naive::new(&names, replicas);
            let mut key = keys();
            group.bench_function(BenchmarkId::new("binary-search", n), |b| {
                b.iter(|| black_box(naive.owner(&key())));
            });

            // hashring with its default hash, SipHash, and with the hash that our ring uses.
            let nodes = || {
                let numbered = |m| (0..replicas).map(move |i| (m, i));
                (0..n as u32).flat_map(numbered).collect::<Vec<_>>()
            };
            let mut rival = HashRing::new();
            rival.batch_add(nodes());
            let mut key = keys();
            group.bench_function(BenchmarkId::new("hashring", n), |b| {
                b.iter(|| black_box(rival.get(&key())).is_some());
            });
            let mut rival = HashRing::with_hasher(BuildHasherDefault::<Xxh3Default>::new());
            rival.batch_add(nodes());
            let mut key = keys();
            group.bench_function(BenchmarkId::new("hashring-xxh3", n), |b| {
                b.iter(|| black_box(rival.get(&key())).is_some());
            });
        }
        group.finish();
    }
}

fn owners(c: &mut Criterion) {
    let mut group = c.benchmark_group("owners");
    let ring = Ring::new(Scheme::native(), members(100)).expect("valid");
    for n in [1, 3, 10, 100] {
        let mut key = keys();
        group.bench_function(BenchmarkId::from_parameter(n), |b| {
            b.iter(|| ring.owners(&key()).take(n).map(String::len).sum::<usize>());
        });
    }
    group.finish();
}

fn build(c: &mut Criterion) {
    let mut group = c.benchmark_group("build");
    group.sample_size(10);
    let schemes = [
        ("native", Scheme::native()),
        ("golang", Scheme::golang()),
        ("mailgun", Scheme::mailgun()),
    ];
    for (name, scheme) in schemes {
        for n in [10, 100, 1000] {
            let names = members(n);
            group.bench_function(BenchmarkId::new(name, n), |b| {
                b.iter(|| Ring::new(scheme, &names).expect("valid").len());
            });
        }
    }
    group.finish();
}

/// One member joins or leaves a ring, which includes dropping the ring of before.
fn change(c: &mut Criterion) {
    let mut group = c.benchmark_group("change/native");
    for n in [10, 100, 1000] {
        let names = members(n);
        let (leaver, rest) = names.split_last().expect("ten members or more");
        let with = Ring::new(Scheme::native(), &names).expect("valid");
        let without = Ring::new(Scheme::native(), rest).expect("valid");
        // The leaver stands first, so that all others move up in the list.
        let full = || std::iter::once(leaver).chain(rest);
        group.bench_function(BenchmarkId::new("join", n), |b| {
            b.iter(|| without.with_members(full()).expect("valid").len());
        });
        group.bench_function(BenchmarkId::new("leave", n), |b| {
            b.iter(|| with.with_members(rest).expect("valid").len());
        });
    }
    group.finish();
}

criterion_group!(benches, lookup, owners, build, change);
criterion_main!(benches);
