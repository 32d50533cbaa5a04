//! What the docs of `Cache` promise, sentence by sentence, including the promises to several threads.

use std::{
    sync::{
        Arc, Barrier, Mutex, OnceLock,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    thread,
    time::Duration,
};

use lru::{Cache, Class, Clock, DefaultHashBuilder, ManualClock, Meta, Stats};

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

fn hot(charge: usize) -> Meta {
    Meta::new(charge).class(Class::Hot)
}

/// A small pseudo-random sequence, different for each seed.
fn random(seed: u64) -> impl FnMut(usize) -> usize {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    move |below| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as usize % below
    }
}

#[test]
fn an_entry_as_large_as_the_whole_budget_is_stored_whatever_the_number_of_shards() {
    let cache = Cache::builder(MIB).shards(64).build::<usize, ()>();
    for key in 0..1024 {
        cache.insert(key, (), KIB).unwrap();
    }
    assert_eq!(
        cache.bytes(),
        MIB,
        "nothing is evicted before the budget is full"
    );
    let evicted = cache.insert(5_000, (), 512 * KIB).unwrap();
    assert_eq!(evicted.len(), 512, "and no more than necessary after");
    assert_eq!(cache.insert(5_001, (), MIB).unwrap().len(), 513);
    assert!(cache.insert(5_001, (), MIB + 1).unwrap_err().is_too_large());
    assert!(cache.peek(&5_001).is_some());
    assert_eq!((cache.len(), cache.bytes()), (1, MIB));
}

#[test]
fn no_shard_starves_when_others_came_first() {
    let cache = Cache::builder(64 * KIB).shards(4).build::<u64, ()>();
    // Bits from the 40th on pick the shard: fill the whole budget through one shard.
    for key in 0..64 {
        cache.insert_if_hashed(key, key, (), KIB, || true).unwrap();
    }
    assert_eq!(cache.len(), 64);
    // Then insert into another shard. That shard gets its even share, and each insert evicts one entry.
    for key in 0..64 {
        let hash = key | 1 << 40;
        let evicted = cache
            .insert_if_hashed(hash, 1000 + key, (), KIB, || true)
            .unwrap();
        assert_eq!(evicted.len(), 1);
    }
    let newcomers = cache
        .snapshot(usize::MAX)
        .iter()
        .filter(|(key, _)| *key >= 1000)
        .count();
    assert_eq!(newcomers, 16);
}

#[test]
fn hot_gives_way_while_it_holds_more_than_an_eighth_of_main() {
    let cache = Cache::builder(900).shards(1).build::<u32, ()>();
    for key in 0..80 {
        cache.insert(key, (), 10).unwrap();
    }
    for key in 100..110 {
        cache.insert(key, (), hot(10)).unwrap();
    }
    assert_eq!(
        (
            cache.usage(Class::Main).bytes,
            cache.usage(Class::Hot).bytes
        ),
        (800, 100)
    );
    let victim = |key, meta: Meta| {
        let evicted = cache.insert(key, (), meta).unwrap();
        assert_eq!(evicted.len(), 1);
        evicted.into_iter().next().unwrap().key
    };
    // 110 hot bytes are more than 800 / 8.
    assert_eq!(victim(110, hot(10)), 100);
    // 100 are not more than 810 / 8.
    assert_eq!(victim(80, Meta::new(10)), 0);
    // Storing a key again changes its class.
    cache.insert(110, (), 10).unwrap();
    assert_eq!(
        (
            cache.usage(Class::Main).bytes,
            cache.usage(Class::Hot).bytes
        ),
        (810, 90)
    );
}

#[test]
fn an_overwrite_is_never_seen_as_an_absence() {
    let cache = Cache::builder(64 * KIB).shards(4).build::<u32, usize>();
    cache.insert(0, 0, KIB).unwrap();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            for round in 1..20_000 {
                cache.insert(0, round, (round % 64 + 1) * KIB).unwrap();
            }
            done.store(true, SeqCst);
        });
        let mut last = 0;
        while !done.load(SeqCst) {
            let now = cache.get(&0).expect("the only key is always there");
            assert!(now >= last);
            last = now;
        }
    });
}

#[test]
fn the_budget_holds_at_every_moment_and_the_books_are_exact_at_the_end() {
    const THREADS: usize = 4;
    const ROUNDS: usize = 20_000;

    let clock = ManualClock::new();
    let cache = Cache::builder(MIB)
        .shards(8)
        .clock(clock.clone())
        .build::<usize, Arc<usize>>();
    let running = AtomicUsize::new(THREADS);
    let expected = thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|n| {
                let (cache, clock, running) = (&cache, &clock, &running);
                scope.spawn(move || {
                    let mut random = random(n as u64 + 1);
                    let (mut lookups, mut hits, mut oversize) = (0, 0, 0);
                    for _ in 0..ROUNDS {
                        let key = random(500);
                        match random(20) {
                            0..8 => {
                                lookups += 1;
                                let found = cache.get(&key);
                                hits += u64::from(found.is_some());
                                assert!(found.is_none_or(|value| *value == key));
                            }
                            8..17 => {
                                let magnitude = random(22);
                                let charge = random(1 << magnitude);
                                let ttl = Duration::from_millis(random(50) as u64);
                                let expires = (random(2) == 0).then(|| clock.now() + ttl);
                                let class = [Class::Main, Class::Hot][random(2)];
                                let meta = Meta::new(charge).class(class).expires(expires);
                                let inserted = cache.insert(key, Arc::new(key), meta);
                                assert_eq!(inserted.is_err(), charge > MIB);
                                oversize += u64::from(inserted.is_err());
                            }
                            17 => drop(cache.remove(&key)),
                            18 => clock.advance(Duration::from_millis(1)),
                            _ if random(200) == 0 => cache.clear(),
                            _ => cache.retain(|&other, value, _| {
                                assert_eq!(other, **value);
                                other % 500 != key
                            }),
                        }
                    }
                    running.fetch_sub(1, SeqCst);
                    (lookups, hits, oversize)
                })
            })
            .collect();
        while running.load(SeqCst) > 0 {
            assert!(cache.bytes() <= MIB);
        }
        let sums = threads.into_iter().map(|thread| thread.join().unwrap());
        sums.fold((0, 0, 0), |sum, one| {
            (sum.0 + one.0, sum.1 + one.1, sum.2 + one.2)
        })
    });

    let Stats {
        hits,
        misses,
        inserts,
        evictions,
        expired,
        removals,
        oversize,
        ..
    } = cache.stats();
    assert_eq!((hits + misses, hits, oversize), expected);
    assert_eq!(inserts - evictions - expired - removals, cache.len() as u64);
    let sum = |class| {
        let of_class = |meta: &Meta| meta.class == class;
        let sum = Mutex::new((0, 0));
        cache.retain(|_, _, meta| {
            if of_class(meta) {
                let mut sum = sum.lock().unwrap();
                *sum = (sum.0 + 1, sum.1 + meta.charge);
            }
            true
        });
        let usage = cache.usage(class);
        assert_eq!(sum.into_inner().unwrap(), (usage.entries, usage.bytes));
        usage.bytes
    };
    assert_eq!(cache.bytes(), sum(Class::Main) + sum(Class::Hot));
    cache.clear();
    assert_eq!((cache.bytes(), cache.len()), (0, 0));
}

#[test]
fn the_budget_can_change_while_others_insert() {
    let cache = Cache::builder(MIB).shards(8).build::<usize, ()>();
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        for n in 0..2 {
            let (cache, stop) = (&cache, &stop);
            scope.spawn(move || {
                let mut random = random(n + 7);
                while !stop.load(SeqCst) {
                    // Some are too large for the smaller budgets.
                    drop(cache.insert(random(10_000), (), random(64 * KIB)));
                }
            });
        }
        for round in 0..2_000 {
            let budget = [MIB, 32 * KIB, 0, 300 * KIB][round % 4];
            cache.set_budget(budget);
            assert!(cache.bytes() <= budget);
        }
        stop.store(true, SeqCst);
    });
    assert!(cache.bytes() <= 300 * KIB);
}

#[test]
fn a_conditional_insert_cannot_outlive_the_removal_that_follows_the_change_of_its_condition() {
    let cache = Cache::builder(MIB).build::<u32, u64>();
    for _ in 0..2_000 {
        let (current, start) = (AtomicBool::new(true), Barrier::new(2));
        thread::scope(|scope| {
            scope.spawn(|| {
                start.wait();
                drop(cache.insert_if(1, 1, 8, || current.load(SeqCst)));
            });
            start.wait();
            current.store(false, SeqCst);
            cache.remove(&1);
        });
        assert!(cache.peek(&1).is_none());
    }
    let declined = cache.insert_if(1, 5, 8, || false).unwrap_err();
    assert!(declined.is_declined());
    assert_eq!(declined.into_parts(), (1, 5));
}

#[test]
fn values_are_dropped_outside_all_locks() {
    /// Calls the cache when it is dropped. The call would never return if its shard were locked.
    struct Nosy {
        cache: Arc<OnceLock<NosyCache>>,
    }
    type NosyCache = Cache<u32, Arc<Nosy>, DefaultHashBuilder, ManualClock>;
    impl Drop for Nosy {
        fn drop(&mut self) {
            let cache = self.cache.get().unwrap();
            assert!(cache.peek(&u32::MAX).is_none());
        }
    }

    let (cell, clock) = (Arc::new(OnceLock::new()), ManualClock::new());
    let cache = Cache::builder(10).shards(1).clock(clock.clone()).build();
    assert!(cell.set(cache).is_ok());
    let nosy = || {
        Arc::new(Nosy {
            cache: Arc::clone(&cell),
        })
    };
    let cache = cell.get().unwrap();
    let store = |key, meta: Meta| drop(cache.insert(key, nosy(), meta));

    store(1, Meta::new(5)); // to be replaced
    store(1, Meta::new(10)); // to be evicted
    store(2, Meta::new(11)); // refused
    store(3, Meta::new(10).expires(clock.now())); // found expired by `get`
    assert!(cache.get(&3).is_none());
    store(4, Meta::new(10).expires(clock.now())); // found expired by `insert`
    store(5, Meta::new(10));
    drop(cache.remove(&5));
    store(6, Meta::new(10));
    drop(cache.insert_if(6, nosy(), 1, || false));
    cache.set_budget(0);
    cache.set_budget(10);
    store(7, Meta::new(10));
    cache.retain(|_, _, _| {
        assert!(cache.peek(&7).is_some(), "a predicate may use the cache");
        false
    });
    store(8, Meta::new(10));
    cache.clear();
    assert_eq!(cache.stats().inserts, 7);
    assert!(cache.is_empty());
}

#[test]
fn a_snapshot_is_bounded_and_takes_the_most_recent() {
    let clock = ManualClock::new();
    let cache = Cache::builder(MIB)
        .shards(1)
        .clock(clock.clone())
        .build::<u32, u32>();
    for key in 0..10 {
        cache.insert(key, key, 1).unwrap();
    }
    cache
        .insert(10, 10, Meta::new(1).expires(clock.now()))
        .unwrap();
    cache.insert(11, 11, hot(1)).unwrap();
    let keys = |limit| Vec::from_iter(cache.snapshot(limit).into_iter().map(|(key, _)| key));
    assert_eq!(keys(3), [9, 8, 7]);
    assert_eq!(keys(0), []);
    assert_eq!(keys(usize::MAX), [9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 11]);

    let spread = Cache::builder(MIB).shards(8).build::<u64, ()>();
    for key in 0..100 {
        // Bits from the 40th on pick the shard.
        spread
            .insert_if_hashed(key << 40, key, (), 1, || true)
            .unwrap();
    }
    assert_eq!(spread.snapshot(30).len(), 30);
    assert_eq!(spread.snapshot(1000).len(), 100);
}

#[test]
fn a_cache_is_shared_between_threads() {
    fn shared<T: Send + Sync + 'static>() {}
    shared::<Cache<String, Vec<u8>>>();
}

#[test]
fn retain_leaves_alone_what_came_after_the_entries_were_cleared() {
    let cache = Cache::builder(MIB).shards(1).build::<u32, u32>();
    let fill = |from: u32| (from..from + 10).for_each(|key| _ = cache.insert(key, key, 1).unwrap());
    fill(0);
    cache.retain(|&key, _, _| {
        if key < 10 && cache.get(&10).is_none() {
            cache.clear();
            fill(10);
        }
        false
    });
    assert_eq!(cache.len(), 10, "none of them has been shown");
}
