//! What the docs of `Lru` promise, sentence by sentence. `lru_model.rs` tests the order of use and the
//! sums of charges.

use std::{
    cell::Cell,
    rc::Rc,
    time::{Duration, Instant},
};

use lru::{Cause, Clock, DefaultHashBuilder, Lru, ManualClock};

fn timed<K, V>(budget: usize, clock: &ManualClock) -> Lru<K, V, DefaultHashBuilder, ManualClock> {
    Lru::with_hasher_and_clock(budget, DefaultHashBuilder::default(), clock.clone())
}

fn keys<K: Copy, V, S, C>(lru: &Lru<K, V, S, C>) -> Vec<K> {
    lru.iter().map(|(&key, _)| key).collect()
}

#[test]
fn an_entry_as_large_as_the_budget_is_stored_and_one_byte_more_is_refused() {
    let mut lru = Lru::new(100);
    lru.insert("a", 1, 40).unwrap();
    assert_eq!(lru.insert("b", 2, 100).unwrap().len(), 1);
    let refused = lru.insert("b", 3, 101).unwrap_err();
    assert!(refused.is_too_large());
    assert_eq!((refused.key(), refused.value()), (&"b", &3));
    assert_eq!(
        lru.peek("b"),
        Some(&2),
        "the older entry under the same key stays"
    );
    assert_eq!((lru.bytes(), lru.stats().oversize), (100, 1));
}

#[test]
fn overwriting_charges_the_difference_and_returns_the_old_entry() {
    let mut lru = Lru::new(100);
    lru.insert("a", 1, 60).unwrap();
    lru.insert("b", 2, 30).unwrap();
    let evicted = lru.insert("a", 3, 70).unwrap();
    let replaced = evicted.replaced().unwrap();
    assert_eq!(
        (replaced.value, replaced.meta.charge, replaced.cause),
        (1, 60, Cause::Replaced)
    );
    assert_eq!((evicted.len(), lru.bytes()), (1, 100));
    assert_eq!(keys(&lru), ["a", "b"]);
}

#[test]
fn overwriting_exchanges_the_key_too() {
    // Two keys that are equal and yet distinct: each counts its own references.
    let (first, second): (Rc<str>, Rc<str>) = ("key".into(), "key".into());
    let mut lru = Lru::new(10);
    lru.insert(Rc::clone(&first), 1, 1).unwrap();
    lru.insert(Rc::clone(&second), 2, 1).unwrap();
    assert_eq!(
        (Rc::strong_count(&first), Rc::strong_count(&second)),
        (1, 2)
    );
}

#[test]
fn expired_entries_go_before_live_ones_and_soonest_first() {
    let clock = ManualClock::new();
    let mut lru = timed(100, &clock);
    let start = clock.now();
    lru.insert("old", 0, 25).unwrap();
    lru.insert_until("late", 0, 25, start + Duration::from_secs(2))
        .unwrap();
    lru.insert_until("soon", 0, 25, start + Duration::from_secs(1))
        .unwrap();
    lru.insert_until("live", 0, 25, start + Duration::from_secs(9))
        .unwrap();
    clock.advance(Duration::from_secs(2));

    let evicted = lru.insert("new", 0, 75).unwrap();
    let left: Vec<_> = evicted
        .iter()
        .map(|removed| (removed.key, removed.cause))
        .collect();
    let expected = [
        ("soon", Cause::Expired),
        ("late", Cause::Expired),
        ("old", Cause::Capacity),
    ];
    assert_eq!(left, expected);
    assert_eq!(keys(&lru), ["new", "live"]);
}

#[test]
fn an_entry_expires_at_its_instant_and_not_before() {
    let clock = ManualClock::new();
    let mut lru = timed(10, &clock);
    lru.insert_until("a", 1, 1, clock.now() + Duration::from_nanos(10))
        .unwrap();
    clock.advance(Duration::from_nanos(9));
    assert_eq!(lru.get("a"), Some(&1));
    clock.advance(Duration::from_nanos(1));
    assert!(!lru.contains("a"));
    assert_eq!(lru.len(), 1, "looking on from outside takes nothing out");
    assert_eq!(lru.get("a"), None);
    assert_eq!((lru.len(), lru.bytes(), lru.stats().expired), (0, 0, 1));
}

#[test]
fn an_overwrite_without_expiry_lifts_the_expiry() {
    let clock = ManualClock::new();
    let mut lru = timed(10, &clock);
    lru.insert_until("a", 1, 1, clock.now() + Duration::from_secs(1))
        .unwrap();
    lru.insert("a", 2, 1).unwrap();
    clock.advance(Duration::from_secs(2));
    assert!(lru.remove_expired().is_empty());
    assert_eq!(lru.get("a"), Some(&2));
}

#[test]
fn the_clock_is_read_only_where_an_expiry_is_at_stake() {
    struct Counting(Cell<u32>);
    impl Clock for Counting {
        fn now(&self) -> Instant {
            self.0.set(self.0.get() + 1);
            Instant::now()
        }
    }

    let clock = Counting(Cell::new(0));
    let mut lru = Lru::with_hasher_and_clock(2, DefaultHashBuilder::default(), &clock);
    for key in 0..10 {
        lru.insert(key, key, 1).unwrap();
        assert_eq!(lru.get(&key), Some(&key));
        assert!(lru.contains(&key));
    }
    lru.insert(9, 0, 2).unwrap();
    assert_eq!(lru.remove(&9), Some(0));
    assert_eq!(clock.0.get(), 0);

    lru.insert_until(1, 1, 1, Instant::now() + Duration::from_secs(3600))
        .unwrap();
    assert_eq!(lru.get(&1), Some(&1));
    assert_eq!(clock.0.get(), 1);
}

#[test]
fn a_smaller_budget_evicts_at_once_and_says_what() {
    let mut lru = Lru::new(100);
    for key in 0..10 {
        lru.insert(key, (), 10).unwrap();
    }
    let evicted = lru.set_budget(35);
    assert!(evicted.into_iter().map(|removed| removed.key).eq(0..7));
    assert_eq!((lru.bytes(), lru.budget()), (30, 35));
    assert_eq!(lru.set_budget(0).len(), 3);
    assert!(lru.set_budget(usize::MAX).is_empty());
    lru.insert(1, (), usize::MAX).unwrap();
    assert_eq!(lru.insert(2, (), 1).unwrap().len(), 1);
}

#[test]
fn a_hash_from_elsewhere_serves_as_well_as_our_own() {
    let mut lru = Lru::new(10);
    // Even a hash function that gives all keys the same hash.
    for key in ["a", "b", "c"] {
        lru.insert_hashed(7, key.to_owned(), key.len(), 1, None)
            .unwrap();
    }
    assert_eq!(lru.get_hashed(7, "b"), Some(&1));
    assert_eq!(lru.peek_hashed(7, "d"), None);
    assert_eq!(lru.remove_hashed(7, "a"), Some(1));
    assert_eq!(lru.len(), 2);
}

#[test]
fn iteration_goes_both_ways_and_meets_in_the_middle() {
    let mut lru = Lru::new(10);
    for key in 0..5 {
        lru.insert(key, (), 1).unwrap();
    }
    let mut iter = lru.iter();
    let mut next = || iter.next().map(|(&key, ())| key);
    assert_eq!((next(), next()), (Some(4), Some(3)));
    let back: Vec<_> = iter.clone().rev().map(|(&key, ())| key).collect();
    assert_eq!((back, iter.len()), (vec![0, 1, 2], 3));
    assert_eq!(iter.by_ref().count(), 3);
    assert!(iter.next_back().is_none() && iter.next().is_none());
}

#[test]
fn charges_that_could_not_be_added_up_are_told_apart() {
    let mut lru = Lru::new(usize::MAX);
    lru.insert("a", 1, 1 << 40).unwrap();
    lru.insert("b", 2, 1).unwrap();
    let evicted = lru.insert("b", 3, usize::MAX).unwrap();
    let causes: Vec<_> = evicted.iter().map(|gone| (gone.key, gone.cause)).collect();
    assert_eq!(causes, [("b", Cause::Replaced), ("a", Cause::Capacity)]);
    assert_eq!((lru.peek("b"), lru.bytes()), (Some(&3), usize::MAX));
}
