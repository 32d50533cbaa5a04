use std::future::ready;

use crate::support::{Gate, Task, never, now, poll, value};

use singleflight::Group;

#[test]
fn the_work_goes_on_as_long_as_one_caller_waits() {
    let group = Group::new();
    let gate = Gate::default();
    let mut first = group.join("key", || gate.work());
    assert!(poll(&mut first).is_pending());
    let mut second = group.join("key", never);
    drop(first);
    assert!(poll(&mut second).is_pending());
    let mut third = group.join("key", never);
    drop(second);
    gate.open(7);
    assert_eq!(value(poll(&mut third)), Some(7));
    assert_eq!(gate.drops(), 1);
}

#[test]
fn any_caller_drives_the_work_even_if_the_first_is_never_polled() {
    let group = Group::new();
    let _first = group.join("key", || ready(7));
    assert_eq!(now(group.join("key", never)).unwrap().value, 7);
}

#[test]
fn work_that_nobody_waits_for_is_dropped_and_its_key_is_free() {
    let group = Group::new();
    let gate = Gate::default();
    let mut first = group.join("key", || gate.work());
    let second = group.join("key", never);
    assert!(poll(&mut first).is_pending());
    drop(first);
    assert!(gate.drops() == 0 && group.contains("key"));
    drop(second);
    assert!(gate.drops() == 1 && group.is_empty());
    assert_eq!(now(group.join("key", || ready(2))).unwrap().value, 2);
}

#[test]
fn work_that_was_never_polled_is_dropped_with_its_last_caller_too() {
    let group = Group::new();
    let gate = Gate::default();
    drop(group.join("key", || gate.work()));
    assert_eq!((gate.polls(), gate.drops()), (0, 1));
    assert!(group.is_empty());
}

#[test]
fn a_waker_called_after_its_flight_does_not_disturb_the_next() {
    let group = Group::new();
    let (old, new) = (Gate::default(), Gate::default());
    let mut calls = [group.join("key", || old.work()), group.join("key", never)];
    assert!(poll(&mut calls[0]).is_pending());
    drop(calls);

    let task = Task::new();
    let mut calls = [group.join("key", || new.work()), group.join("key", never)];
    assert!(task.poll(&mut calls[0]).is_pending());
    old.wake();
    assert_eq!(task.woken(), 0);
    new.wake();
    assert_eq!(task.woken(), 1);
}
