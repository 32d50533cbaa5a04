//! `Cache` on one thread. A strict LRU in one shard does what a naive list does. Every other form keeps
//! all promises that do not depend on the choice of victims.

mod common;

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use common::{Key, Model, Value, all_left, meta};
use lru::{Cache, Cause, Class, Clock, Hit, ManualClock, Meta, Policy, Stats};
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Op {
    Insert(Key, usize, Class, Option<u64>, bool),
    Get(Key),
    Peek(Key),
    Remove(Key),
    RetainEven,
    SetBudget(usize),
    Advance(u64),
    Clear,
}

fn op() -> impl Strategy<Value = Op> {
    let key = || 0..16_u8;
    let class = prop_oneof![2 => Just(Class::Main), 1 => Just(Class::Hot)];
    let ttl = prop_oneof![2 => Just(None), 2 => (0..40_u64).prop_map(Some)];
    let insert = (key(), 0..70_usize, class, ttl, prop::bool::weighted(0.95));
    prop_oneof![
        30 => insert.prop_map(|(key, charge, class, ttl, condition)| {
            Op::Insert(key, charge, class, ttl, condition)
        }),
        20 => key().prop_map(Op::Get),
        5 => key().prop_map(Op::Peek),
        8 => key().prop_map(Op::Remove),
        1 => Just(Op::RetainEven),
        4 => (0..250_usize).prop_map(Op::SetBudget),
        10 => (0..15_u64).prop_map(Op::Advance),
        1 => Just(Op::Clear),
    ]
}

fn balanced(stats: Stats, len: usize) -> bool {
    stats.inserts - stats.evictions - stats.expired - stats.removals == len as u64
}

type Known = (Value, Class, Option<Instant>, bool);

/// What a hit returns of an entry.
fn known(hit: &Hit<Value>) -> Known {
    let Hit {
        value,
        class,
        expires,
        flag,
        ..
    } = hit;
    (*value, *class, *expires, *flag)
}

/// What a hit on an entry should return, from what was stored.
fn of(value: Value, meta: Meta) -> Known {
    (value, meta.class, meta.expires, meta.flag)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn one_shard_of_strict_lru_agrees_with_the_model(
        ops in prop::collection::vec(op(), 1..300),
        hot_ratio in 0..10_usize,
    ) {
        let clock = ManualClock::new();
        let builder = Cache::builder(200)
            .policy(Policy::Lru)
            .shards(1)
            .hot_ratio(hot_ratio)
            .clock(clock.clone());
        let cache = builder.build::<Key, Value>();
        let mut model = Model::new(200, clock.now());
        model.hot_ratio = hot_ratio;

        for (value, op) in (0..).zip(ops) {
            match op {
                Op::Insert(key, charge, class, ttl, condition) => {
                    let meta = meta(charge, class, ttl, clock.now());
                    match cache.insert_if(key, value, meta, || condition) {
                        Ok(evicted) => {
                            prop_assert!(condition);
                            let expected = model.insert(key, value, meta);
                            prop_assert_eq!(Some(all_left(&evicted)), expected);
                        }
                        Err(refused) if refused.is_declined() => {
                            prop_assert!(!condition);
                            prop_assert_eq!(refused.into_parts(), (key, value));
                        }
                        Err(refused) => {
                            prop_assert!(refused.is_too_large());
                            prop_assert_eq!(refused.into_parts(), (key, value));
                            prop_assert_eq!(model.insert(key, value, meta), None);
                        }
                    }
                }
                Op::Get(key) => {
                    let found = cache.lookup(&key).as_ref().map(known);
                    prop_assert_eq!(found, model.get(key).map(|hit| of(hit.value, hit.meta)));
                }
                Op::Peek(key) => {
                    let found = cache.peek(&key).as_ref().map(known);
                    prop_assert_eq!(found, model.peek(key).map(|hit| of(hit.value, hit.meta)));
                }
                Op::Remove(key) => prop_assert_eq!(cache.remove(&key), model.remove(key)),
                Op::RetainEven => {
                    cache.retain(|key, _, _| key % 2 == 0);
                    model.retain(|entry| entry.key % 2 == 0);
                }
                Op::SetBudget(bytes) => {
                    cache.set_budget(bytes);
                    model.set_budget(bytes);
                }
                Op::Advance(ms) => {
                    clock.advance(Duration::from_millis(ms));
                    model.now = clock.now();
                }
                Op::Clear => {
                    cache.clear();
                    model.clear();
                }
            }

            prop_assert!(cache.bytes() <= cache.budget());
            prop_assert_eq!(cache.bytes(), model.bytes());
            for class in [Class::Main, Class::Hot] {
                prop_assert_eq!(cache.usage(class).bytes, model.bytes_of(class));
                prop_assert_eq!(cache.usage(class).entries, model.of(class).count());
            }
            prop_assert_eq!(cache.stats(), model.stats);
            let live = |class| model.of(class).rev().filter(|e| model.peek(e.key).is_some());
            let expected = live(Class::Main).chain(live(Class::Hot)).map(|e| (e.key, e.value));
            let snapshot = cache.snapshot(usize::MAX).into_iter().map(|(key, hit)| (key, hit.value));
            prop_assert!(snapshot.eq(expected));
        }
    }

    #[test]
    fn every_policy_keeps_the_books_and_serves_the_last_value(
        ops in prop::collection::vec(op(), 1..300),
        policy in prop_oneof![Just(Policy::GhostClock), Just(Policy::Lru)],
        shards in prop_oneof![Just(1_usize), Just(4)],
        hot_ratio in 0..10_usize,
    ) {
        let clock = ManualClock::new();
        let cache = Cache::builder(200)
            .policy(policy)
            .shards(shards)
            .hot_ratio(hot_ratio)
            .clock(clock.clone())
            .build::<Key, Value>();
        // All that the cache may hold: each key with its value and its meta.
        let mut stored: HashMap<Key, (Value, Meta)> = HashMap::new();

        for (value, op) in (0..).zip(ops) {
            match op {
                Op::Insert(key, charge, class, ttl, condition) => {
                    let meta = meta(charge, class, ttl, clock.now());
                    match cache.insert_if(key, value, meta, || condition) {
                        Ok(evicted) => {
                            prop_assert!(condition && charge <= cache.budget());
                            for gone in evicted {
                                let known = stored.remove(&gone.key);
                                prop_assert_eq!(known, Some((gone.value, gone.meta)));
                                let expired = gone.meta.expires.is_some_and(|at| at <= clock.now());
                                prop_assert_eq!(expired, gone.cause == Cause::Expired);
                            }
                            stored.insert(key, (value, meta));
                            let live = meta.expires.is_none_or(|at| at > clock.now());
                            prop_assert_eq!(cache.peek(&key).map(|hit| hit.value), live.then_some(value));
                        }
                        Err(refused) => {
                            let too_large = charge > cache.budget();
                            prop_assert!(too_large || !condition);
                            prop_assert_eq!(refused.is_too_large(), too_large);
                        }
                    }
                }
                Op::Get(key) | Op::Peek(key) => {
                    if let Some(hit) = cache.lookup(&key) {
                        prop_assert!(hit.expires.is_none_or(|at| at > clock.now()));
                        let stored = stored.get(&key).map(|&(value, meta)| of(value, meta));
                        prop_assert_eq!(stored, Some(known(&hit)));
                    }
                }
                Op::Remove(key) => {
                    if let Some(value) = cache.remove(&key) {
                        prop_assert_eq!(stored[&key].0, value);
                    }
                    stored.remove(&key);
                }
                Op::RetainEven => {
                    cache.retain(|key, _, _| key % 2 == 0);
                    stored.retain(|key, _| key % 2 == 0);
                }
                Op::SetBudget(bytes) => cache.set_budget(bytes),
                Op::Advance(ms) => clock.advance(Duration::from_millis(ms)),
                Op::Clear => {
                    cache.clear();
                    stored.clear();
                }
            }

            prop_assert!(cache.bytes() <= cache.budget());
            let usages = [Class::Main, Class::Hot].map(|class| cache.usage(class));
            prop_assert_eq!(cache.bytes(), usages[0].bytes + usages[1].bytes);
            prop_assert!(balanced(cache.stats(), cache.len()));
        }
    }
}

proptest! {
    /// Many more keys than a batch of `retain` has, so that entries change their places meanwhile.
    #[test]
    fn retain_takes_out_all_that_it_is_told_to(
        keys in 1..1000_u32,
        gone in prop::collection::vec((0..1000_u32, 0..200_u32), 0..6),
        (divisor, kept) in (1..5_u32, 0..5_u32),
    ) {
        let cache = Cache::builder(1 << 20).shards(1).build::<u32, u32>();
        for key in 0..keys {
            prop_assert!(cache.insert(key, key, 1).is_ok());
        }
        let mut expected: Vec<_> = (0..keys).collect();
        for (from, count) in gone {
            let gone = from..from + count;
            gone.clone().for_each(|key| _ = cache.remove(&key));
            expected.retain(|key| !gone.contains(key));
        }
        cache.retain(|key, _, _| key % divisor == kept);
        expected.retain(|key| key % divisor == kept);
        let mut left: Vec<_> = cache.snapshot(usize::MAX).into_iter().map(|(key, _)| key).collect();
        left.sort_unstable();
        prop_assert_eq!(left, expected);
    }
}
