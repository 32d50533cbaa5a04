use std::borrow::Borrow;
use std::future::ready;
use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::SeqCst;

use crate::support::{Gate, never, now, poll, value};

use singleflight::Group;

#[test]
fn callers_with_one_key_share_one_execution_and_its_result() {
    let group = Group::new();
    let gate = Gate::default();
    let mut first = group.join("key", || gate.work());
    let mut second = group.join("key", never);
    assert!(first.is_first() && !second.is_first());
    assert!(poll(&mut first).is_pending() && poll(&mut second).is_pending());
    gate.open(7);
    assert_eq!(value(poll(&mut second)), Some(7));
    assert_eq!(value(poll(&mut first)), Some(7));
    assert_eq!(gate.drops(), 1);
}

#[test]
fn callers_learn_whether_the_result_was_shared() {
    let group = Group::new();
    assert!(!now(group.join("key", || ready(1))).unwrap().shared);

    let first = group.join("key", || ready(2));
    let second = group.join("key", never);
    assert!(now(first).unwrap().shared);
    assert!(now(second).unwrap().shared);

    let first = group.join("key", || ready(3));
    drop(group.join("key", never));
    assert!(now(first).unwrap().shared);
}

#[test]
fn keys_do_not_share() {
    let group = Group::new();
    let gates: Vec<Gate> = (0..500).map(|_| Gate::default()).collect();
    let calls: Vec<_> = gates
        .iter()
        .enumerate()
        .map(|(key, gate)| group.join(key, || gate.work()))
        .collect();
    assert_eq!(group.len(), 500);
    for (value, gate) in gates.iter().enumerate() {
        gate.open(value as u32);
    }
    for (key, call) in calls.into_iter().enumerate() {
        assert_eq!(now(call).unwrap().value, key as u32);
    }
    assert!(group.is_empty());
}

#[test]
fn a_call_that_begins_after_another_has_returned_runs_afresh() {
    let group = Group::new();
    let first = group.join("key", || ready(1));
    let lingering = group.join("key", never);
    now(first).unwrap();
    assert!(!group.contains("key"));
    assert_eq!(now(group.join("key", || ready(2))).unwrap().value, 2);
    assert_eq!(now(lingering).unwrap().value, 1);
}

#[test]
fn clones_are_the_same_group_and_calls_outlive_it() {
    let group = Group::new();
    let clone = group.clone();
    let gate = Gate::default();
    let mut first = group.join("key", || gate.work());
    let mut second = clone.join("key", never);
    drop((group, clone));
    assert!(poll(&mut first).is_pending() && poll(&mut second).is_pending());
    gate.open(7);
    assert_eq!(
        (now(first).unwrap().value, now(second).unwrap().value),
        (7, 7)
    );
}

#[test]
fn a_borrowed_key_is_made_into_an_owned_one_for_a_new_flight_only() {
    #[derive(PartialEq, Eq, Hash)]
    struct Key(String);
    static MADE: AtomicUsize = AtomicUsize::new(0);
    impl Borrow<str> for Key {
        fn borrow(&self) -> &str {
            &self.0
        }
    }
    impl From<&str> for Key {
        fn from(text: &str) -> Self {
            MADE.fetch_add(1, SeqCst);
            Key(text.to_owned())
        }
    }
    let group = Group::<Key, u32>::new();
    let first = group.join_ref("key", || ready(7));
    let second = group.join_ref("key", never);
    assert_eq!(MADE.load(SeqCst), 1);
    assert!(group.contains("key"));
    assert_eq!(
        (now(first).unwrap().value, now(second).unwrap().value),
        (7, 7)
    );
}

#[test]
fn only_as_many_clones_are_made_as_there_are_other_callers() {
    #[derive(Default)]
    struct Value(Arc<AtomicUsize>);
    impl Clone for Value {
        fn clone(&self) -> Self {
            self.0.fetch_add(1, SeqCst);
            Value(Arc::clone(&self.0))
        }
    }
    let group = Group::new();
    for callers in 1..5 {
        let clones = Arc::new(AtomicUsize::new(0));
        let value = Value(Arc::clone(&clones));
        let calls: Vec<_> = [group.join("key", || ready(value))]
            .into_iter()
            .chain((1..callers).map(|_| group.join("key", || ready(Value::default()))))
            .collect();
        for call in calls {
            assert!(now(call).is_ok());
        }
        assert_eq!(clones.load(SeqCst), callers - 1);
    }
}
