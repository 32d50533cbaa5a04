//! Looks at the entries of a `Cache`, and what its listener hears.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    thread,
    time::{Duration, Instant},
};

use lru::{Cache, Cause, Class, Clock, ManualClock, Meta, Policy};
use proptest::prelude::*;

const MIB: usize = 1 << 20;

/// What another thread does to a cache while it is iterated over.
#[derive(Clone, Copy, Debug)]
enum Op {
    Insert(u32),
    Remove(u32),
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        (0..2000_u32).prop_map(Op::Insert),
        (0..2000_u32).prop_map(Op::Remove),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Keys below 1,000,000 come and go; those above stay, and some are replaced.
    #[test]
    fn what_stays_is_seen_whatever_others_do_meanwhile(
        stays in 0..1500_u32,
        before in prop::collection::vec(op(), 0..3000),
        meanwhile in prop::collection::vec(op(), 1..3000),
        shards in 0..3_u32,
        strides in prop::collection::vec(0..40_usize, 1..20),
    ) {
        const STAYS: u32 = 1_000_000;
        let cache: Cache<u32, u32> = Cache::builder(64 * MIB).shards(1 << shards).build();
        let act = |op: &Op| match *op {
            Op::Insert(key) => drop(cache.insert(key, 1, 10).unwrap()),
            Op::Remove(key) => _ = cache.remove(&key),
        };
        before.iter().for_each(act);
        for n in 0..stays {
            cache.insert(STAYS + n, 0, 10).unwrap();
        }
        // Makes room among the slots of those that stay.
        (0..2000).step_by(3).for_each(|key| _ = cache.remove(&key));

        let mut seen = HashSet::new();
        let (mut ops, mut strides) = (meanwhile.iter(), strides.iter().cycle());
        for entry in cache.entries() {
            seen.insert(entry.key);
            // Whatever happens between two steps: a thread of its own could do no more.
            for op in ops.by_ref().take(*strides.next().unwrap()) {
                act(op);
                if let Op::Insert(n) = op && *n < stays {
                    cache.insert(STAYS + n, 1, 10).unwrap();
                }
            }
        }
        let unseen = (STAYS..STAYS + stays).filter(|key| !seen.contains(key)).count();
        prop_assert_eq!(unseen, 0);
    }
}

#[test]
fn entries_that_stay_are_seen_while_threads_insert_and_remove() {
    const STAYS: u32 = 1_000_000;
    let cache: Cache<u32, u32> = Cache::builder(64 * MIB).shards(4).build();
    for n in 0..5000 {
        cache.insert(STAYS + n, n, 10).unwrap();
    }
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        for seed in 1..=2_u32 {
            let (cache, is_over) = (&cache, &is_over);
            scope.spawn(move || {
                let mut n = seed;
                while !is_over.load(SeqCst) {
                    n = n.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    let key = (n >> 8) % 20_000;
                    if n >> 31 == 0 {
                        cache.insert(key, key, 10).unwrap();
                    } else {
                        cache.remove(&key);
                    }
                }
            });
        }
        for _ in 0..20 {
            let seen: HashSet<u32> = cache.entries().map(|entry| entry.key).collect();
            assert!((STAYS..STAYS + 5000).all(|key| seen.contains(&key)));
        }
        is_over.store(true, SeqCst);
    });
}

#[test]
fn an_iteration_is_no_use_and_skips_what_has_expired() {
    let clock = ManualClock::new();
    let cache = Cache::<(), ()>::builder(MIB).clock(clock.clone()).build();
    let soon = clock.now() + Duration::from_secs(1);
    cache.insert("a", 1, Meta::new(10).expires(soon)).unwrap();
    cache
        .insert("b", 2, Meta::new(20).class(Class::Hot))
        .unwrap();
    let stats = cache.stats();
    let mut entries: Vec<_> = cache.entries().collect();
    entries.sort_by_key(|entry| entry.key);
    let [a, b] = &entries[..] else {
        panic!("{entries:?}")
    };
    assert_eq!((a.key, a.value, a.meta.charge), ("a", 1, 10));
    assert!(
        a.meta
            .expires
            .is_some_and(|at| at.max(soon) - at.min(soon) < Duration::from_millis(10))
    );
    assert_eq!((b.meta.class, b.meta.expires), (Class::Hot, None));

    clock.advance(Duration::from_secs(2));
    assert!(cache.inspect("a").is_none());
    assert_eq!(cache.entries().count(), 1);
    assert_eq!(cache.len(), 2, "nothing is reclaimed");
    assert_eq!(cache.stats(), stats);
}

#[test]
fn the_hint_says_how_many_clones_an_iteration_has_in_hand() {
    let cache: Cache<u32, u32> = Cache::builder(MIB).shards(2).build();
    for key in 0..200 {
        cache.insert(key, key, 10).unwrap();
    }
    let (mut entries, mut left, mut empty_handed) = (cache.entries(), 200, 0);
    assert_eq!(entries.size_hint(), (0, None));
    while entries.next().is_some() {
        left -= 1;
        let in_hand = entries.size_hint().0;
        assert!(in_hand <= left && in_hand < 64, "{in_hand} of {left}");
        empty_handed += usize::from(in_hand == 0);
    }
    assert!(left == 0 && empty_handed >= 4, "{left}, {empty_handed}");
}

#[test]
fn a_look_does_not_save_an_entry_from_eviction() {
    let cache = Cache::<(), ()>::builder(100)
        .shards(1)
        .policy(Policy::Lru)
        .build();
    for key in 0..10 {
        cache.insert(key, key, 10).unwrap();
    }
    assert!(cache.inspect(&0).is_some());
    assert_eq!(cache.entries().count(), 10);
    cache.insert(10, 10, 10).unwrap();
    assert!(
        cache.inspect(&0).is_none(),
        "it was the least recently used one"
    );
}

#[test]
fn the_age_of_an_entry_is_known_to_a_sixteenth_of_the_turnover() {
    let clock = ManualClock::new();
    let cache = Cache::<(), ()>::builder(1000)
        .shards(1)
        .clock(clock.clone())
        .build();
    for key in 0..1000_u32 {
        cache.insert(key, (), 1).unwrap();
        clock.advance(Duration::from_millis(1));
    }
    for key in [200, 500, 999] {
        let age = cache.inspect(&key).unwrap().age;
        let exact = Duration::from_millis(1000 - u64::from(key));
        assert!(
            age.max(exact) - age.min(exact) <= Duration::from_millis(63),
            "{key}: {age:?}"
        );
    }
    let oldest = cache.inspect(&0).unwrap().age;
    assert!(oldest > Duration::from_millis(750), "at least: {oldest:?}");
}

#[test]
fn the_listener_hears_of_every_entry_that_leaves_and_why() {
    for policy in [Policy::GhostClock, Policy::Lru] {
        let clock = ManualClock::new();
        let gone = Arc::new(Mutex::new(HashMap::new()));
        let heard = Arc::clone(&gone);
        let cache = Cache::<(), ()>::builder(100).shards(1).policy(policy);
        let cache = cache.clock(clock.clone()).build().listener(move |entry| {
            let before = heard
                .lock()
                .unwrap()
                .insert((entry.key, entry.value), entry.cause);
            assert_eq!(before, None);
        });
        let causes = || std::mem::take(&mut *gone.lock().unwrap());

        cache.insert("a", 1, 10).unwrap();
        cache.insert("a", 2, 10).unwrap();
        assert_eq!(causes(), [(("a", 1), Cause::Replaced)].into());
        cache.insert("big", 3, 95).unwrap();
        assert_eq!(causes(), [(("a", 2), Cause::Capacity)].into());
        cache.remove("big");
        cache.remove("absent");
        assert_eq!(causes(), [(("big", 3), Cause::Removed)].into());

        let soon = clock.now() + Duration::from_secs(1);
        for key in ["b", "c", "d"] {
            cache.insert(key, 4, Meta::new(10).expires(soon)).unwrap();
        }
        clock.advance(Duration::from_secs(2));
        assert!(cache.get("b").is_none());
        assert_eq!(causes(), [(("b", 4), Cause::Expired)].into());
        assert!(cache.remove("c").is_none());
        assert_eq!(causes(), [(("c", 4), Cause::Expired)].into());
        cache.insert("d", 5, 10).unwrap();
        assert_eq!(causes(), [(("d", 4), Cause::Expired)].into());

        cache.retain(|key, _, _| *key != "d");
        assert_eq!(causes(), [(("d", 5), Cause::Removed)].into());
        cache.insert("e", 6, 10).unwrap();
        cache.insert("f", 7, 90).unwrap();
        cache.set_budget(50);
        let both = [(("e", 6), Cause::Capacity), (("f", 7), Cause::Capacity)];
        assert_eq!(causes(), both.into());
        cache.insert("e", 8, 10).unwrap();
        let refused = cache.insert_if("e", 9, 1000, || true);
        assert!(refused.is_err() && causes().is_empty());
        cache.clear();
        assert_eq!(causes(), [(("e", 8), Cause::Cleared)].into());

        let stats = cache.stats();
        assert_eq!(stats.cleared, 1);
        assert_eq!(
            stats.inserts,
            stats.evictions + stats.expired + stats.removals
        );
    }
}

#[test]
fn a_clear_tells_of_all_entries_of_a_large_table() {
    let heard = Arc::new(Mutex::new(HashSet::new()));
    let hears = Arc::clone(&heard);
    let cache: Cache<u32, u32> = Cache::new(64 * MIB).listener(move |entry| {
        if entry.cause == Cause::Cleared {
            assert!(hears.lock().unwrap().insert(entry.key));
        }
    });
    for key in 0..10_000 {
        cache.insert(key, key, 10).unwrap();
    }
    (0..10_000)
        .filter(|key| key % 3 != 0)
        .for_each(|key| _ = cache.remove(&key));
    cache.clear();
    assert_eq!(heard.lock().unwrap().len(), 3334);
    assert!(cache.is_empty() && cache.bytes() == 0);
}

#[test]
fn the_listener_may_call_the_cache() {
    type Cell = Arc<Mutex<Option<Arc<Cache<u32, u32>>>>>;
    let cell = Cell::default();
    let later = Arc::clone(&cell);
    let cache = Cache::<(), ()>::builder(100)
        .shards(1)
        .build()
        .listener(move |entry| {
            let cache = later.lock().unwrap().clone().unwrap();
            assert!(
                cache
                    .inspect(&entry.key)
                    .is_none_or(|present| present.value != entry.value)
            );
        });
    let cache = Arc::new(cache);
    *cell.lock().unwrap() = Some(Arc::clone(&cache));
    for key in 0..100 {
        cache.insert(key % 20, key, 10).unwrap();
    }
    cache.clear();
    *cell.lock().unwrap() = None;
}

#[test]
fn an_entry_can_be_rehoused_and_stays_what_it_is() {
    let told = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&told);
    let cache: Cache<String, u32> = Cache::new(100).listener(move |_| {
        counted.fetch_add(1, SeqCst);
    });
    let until = Instant::now() + Duration::from_secs(60);
    let meta = Meta::new(40).class(Class::Hot).expires(until).flag(true);
    cache.insert("a".into(), 1, meta).unwrap();
    let before = cache.inspect("a").unwrap();
    let stats = cache.stats();
    let hash = cache.hash("a");
    let unchanged = cache.rehouse_hashed(hash, "a", |_, _| None);
    assert_eq!(unchanged, None);
    let old = cache.rehouse_hashed(hash, "a", |key, value| Some((key.clone(), value + 1)));
    assert_eq!(old, Some(("a".into(), 1)));
    let after = cache.inspect("a").unwrap();
    assert_eq!((after.value, after.meta), (2, before.meta));
    assert_eq!((cache.stats(), cache.bytes()), (stats, 40));
    assert_eq!(
        cache.rehouse_hashed(cache.hash("b"), "b", |_, _| unreachable!()),
        None
    );
    assert_eq!(told.load(SeqCst), 0);
}

#[test]
fn one_entry_can_be_evicted() {
    let cache: Cache<u32, u32> = Cache::new(1000);
    (0..5).for_each(|n| drop(cache.insert(n, n, 10)));
    let evicted = cache.evict().unwrap();
    assert_eq!((evicted.cause, cache.len()), (Cause::Capacity, 4));
    while cache.evict().is_some() {}
    assert!(cache.is_empty());
}
