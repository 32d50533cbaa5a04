//! `Lru` does what a naive list does, for any sequence of operations.

mod common;

use std::time::Duration;

use common::{Key, Model, all_left, left, meta};
use lru::{Class, Clock, DefaultHashBuilder, Lru, ManualClock, Stats};
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Op {
    Insert(Key, usize, Option<u64>),
    Get(Key),
    GetMut(Key),
    Peek(Key),
    Remove(Key),
    PopOldest,
    RemoveExpired,
    SetBudget(usize),
    Advance(u64),
    Clear,
}

fn op() -> impl Strategy<Value = Op> {
    let key = || 0..16_u8;
    let ttl = prop_oneof![2 => Just(None), 3 => (0..40_u64).prop_map(Some)];
    prop_oneof![
        30 => (key(), 0..70_usize, ttl).prop_map(|(key, charge, ttl)| Op::Insert(key, charge, ttl)),
        20 => key().prop_map(Op::Get),
        3 => key().prop_map(Op::GetMut),
        5 => key().prop_map(Op::Peek),
        8 => key().prop_map(Op::Remove),
        3 => Just(Op::PopOldest),
        2 => Just(Op::RemoveExpired),
        4 => (0..250_usize).prop_map(Op::SetBudget),
        12 => (0..15_u64).prop_map(Op::Advance),
        1 => Just(Op::Clear),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn lru_agrees_with_the_model(ops in prop::collection::vec(op(), 1..300)) {
        let clock = ManualClock::new();
        let mut lru = Lru::with_hasher_and_clock(200, DefaultHashBuilder::default(), clock.clone());
        let mut model = Model::new(200, clock.now());
        model.replaces_first = true;

        for (value, op) in (0..).zip(ops) {
            match op {
                Op::Insert(key, charge, ttl) => {
                    let meta = meta(charge, Class::Main, ttl, clock.now());
                    let inserted = match meta.expires {
                        Some(at) => lru.insert_until(key, value, charge, at),
                        None => lru.insert(key, value, charge),
                    };
                    let expected = model.insert(key, value, meta);
                    match inserted {
                        Ok(evicted) => prop_assert_eq!(Some(all_left(&evicted)), expected),
                        Err(refused) => {
                            prop_assert!(refused.is_too_large());
                            prop_assert_eq!(refused.into_parts(), (key, value));
                            prop_assert_eq!(None, expected);
                        }
                    }
                }
                Op::Get(key) => {
                    prop_assert_eq!(lru.get(&key).copied(), model.get(key).map(|hit| hit.value));
                }
                Op::GetMut(key) => {
                    let found = lru.get_mut(&key).map(|found| std::mem::replace(found, value));
                    prop_assert_eq!(found, model.get(key).map(|hit| hit.value));
                    if found.is_some() {
                        model.entries.last_mut().unwrap().value = value;
                    }
                }
                Op::Peek(key) => {
                    let expected = model.peek(key);
                    prop_assert_eq!(lru.peek(&key), expected.map(|entry| &entry.value));
                    prop_assert_eq!(lru.meta(&key), expected.map(|entry| entry.meta));
                    prop_assert_eq!(lru.contains(&key), expected.is_some());
                }
                Op::Remove(key) => prop_assert_eq!(lru.remove(&key), model.remove(key)),
                Op::PopOldest => prop_assert_eq!(lru.pop_oldest().as_ref().map(left), model.pop_oldest()),
                Op::RemoveExpired => {
                    prop_assert_eq!(all_left(&lru.remove_expired()), model.remove_expired());
                }
                Op::SetBudget(bytes) => {
                    prop_assert_eq!(all_left(&lru.set_budget(bytes)), model.set_budget(bytes));
                }
                Op::Advance(ms) => {
                    clock.advance(Duration::from_millis(ms));
                    model.now = clock.now();
                }
                Op::Clear => {
                    lru.clear();
                    model.clear();
                }
            }

            prop_assert!(lru.bytes() <= lru.budget());
            prop_assert_eq!(lru.bytes(), model.bytes());
            prop_assert_eq!(lru.len(), model.entries.len());
            prop_assert_eq!(lru.stats(), model.stats);
            let expected = || model.entries.iter().map(|entry| (entry.key, entry.value));
            prop_assert!(lru.iter().map(|(&key, &value)| (key, value)).eq(expected().rev()));
            prop_assert!(lru.iter().rev().map(|(&key, &value)| (key, value)).eq(expected()));
            let Stats { inserts, evictions, expired, removals, .. } = lru.stats();
            prop_assert_eq!(inserts - evictions - expired - removals, lru.len() as u64);
        }
    }
}
