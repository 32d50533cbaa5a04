use std::future::ready;

use crate::support::{Gate, never, now, poll, value};

use singleflight::Group;

#[test]
fn after_forget_the_next_caller_starts_afresh_and_the_others_still_get_their_result() {
    let group = Group::new();
    let (old, new) = (Gate::default(), Gate::default());
    let mut waiting = group.join("key", || old.work());
    assert!(poll(&mut waiting).is_pending());
    assert!(group.forget("key"));
    assert!(!group.forget("key") && !group.contains("key"));

    let mut fresh = group.join("key", || new.work());
    assert!(fresh.is_first());
    assert!(poll(&mut fresh).is_pending());
    old.open(1);
    new.open(2);
    assert_eq!(value(poll(&mut waiting)), Some(1));
    assert_eq!(value(poll(&mut fresh)), Some(2));
}

#[test]
fn the_end_of_a_forgotten_flight_does_not_remove_the_newer_one() {
    let group = Group::new();
    let gate = Gate::default();
    let finished = group.join("key", || ready(1));
    assert!(group.forget("key"));
    let left = group.join("key", || gate.work());
    assert!(group.forget("key"));
    let fresh = group.join("key", || ready(3));

    now(finished).unwrap();
    assert!(group.contains("key"));
    drop(left);
    assert!(gate.drops() == 1 && group.contains("key"));
    assert_eq!(now(group.join("key", never)).unwrap().value, 3);
    assert!(group.is_empty());
    drop(fresh);
}

#[test]
fn forgetting_a_key_without_a_flight_tells_so() {
    assert!(!Group::<String, u32>::new().forget("key"));
}

#[test]
fn forgetting_all_keys_frees_each_and_takes_nothing_from_those_who_wait() {
    let group = Group::new();
    let calls: Vec<_> = (0..100)
        .map(|key| group.join(key, move || ready(key)))
        .collect();
    assert_eq!(group.len(), 100);
    group.forget_all();
    assert!(group.is_empty());

    let fresh = group.join(7, || ready(700));
    for (key, call) in (0..).zip(calls) {
        assert_eq!(now(call).unwrap().value, key);
    }
    assert!(group.contains(&7), "the newer flight is still there");
    assert_eq!(now(fresh).unwrap().value, 700);
}
