use std::future::{poll_fn, ready};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::Poll;

use crate::support::{Gate, Shelf, Task, never, poll, value};

use singleflight::{Call, Group};

#[test]
fn progress_wakes_every_caller_so_that_it_depends_on_none() {
    let group = Group::new();
    let gate = Gate::default();
    let tasks = [Task::new(), Task::new(), Task::new()];
    let mut calls = [
        group.join("key", || gate.work()),
        group.join("key", never),
        group.join("key", never),
    ];
    for (task, call) in tasks.iter().zip(&mut calls) {
        assert!(task.poll(call).is_pending());
    }
    gate.wake();
    assert!(tasks.iter().all(|task| task.woken() == 1));
    // The first two callers never poll again.
    gate.open(7);
    assert_eq!(value(tasks[2].poll(&mut calls[2])), Some(7));
}

#[test]
fn work_is_polled_once_per_wake_however_many_callers_come() {
    let group = Group::new();
    let gate = Gate::default();
    let mut calls: Vec<_> = (0..10).map(|_| group.join("key", || gate.work())).collect();
    calls
        .iter_mut()
        .for_each(|call| assert!(poll(call).is_pending()));
    assert_eq!(gate.polls(), 1);
    gate.wake();
    calls
        .iter_mut()
        .for_each(|call| assert!(poll(call).is_pending()));
    assert_eq!(gate.polls(), 2);
}

#[test]
fn a_caller_that_joins_a_lone_one_is_woken_with_it() {
    let group = Group::new();
    let gate = Gate::default();
    let (lone, late) = (Task::new(), Task::new());
    let mut first = group.join("key", || gate.work());
    assert!(lone.poll(&mut first).is_pending());
    let mut second = group.join("key", never);
    assert!(late.poll(&mut second).is_pending());
    gate.open(7);
    assert_eq!((lone.woken(), late.woken()), (1, 1));
    drop(first);
    assert_eq!(value(late.poll(&mut second)), Some(7));
}

#[test]
fn a_lone_caller_may_move_to_another_task() {
    let group = Group::new();
    let gate = Gate::default();
    let (old, new) = (Task::new(), Task::new());
    let mut call = group.join("key", || gate.work());
    assert!(old.poll(&mut call).is_pending());
    assert!(new.poll(&mut call).is_pending());
    gate.open(7);
    assert_eq!((old.woken(), new.woken()), (0, 1));
    assert_eq!(value(new.poll(&mut call)), Some(7));
}

#[test]
fn a_waiting_caller_may_move_to_another_task() {
    let group = Group::new();
    let gate = Gate::default();
    let (old, new) = (Task::new(), Task::new());
    let mut first = group.join("key", || gate.work());
    let mut second = group.join("key", never);
    assert!(poll(&mut first).is_pending());
    assert!(old.poll(&mut second).is_pending());
    assert!(new.poll(&mut second).is_pending());
    gate.open(7);
    assert_eq!((old.woken(), new.woken()), (0, 1));
}

/// The interleaving that loses a wake-up in simpler designs: the work is woken while one caller
/// polls the work and another registers, and the first caller never polls again.
#[test]
fn a_wake_during_a_poll_reaches_those_who_registered_during_it() {
    let group = Group::new();
    let second: Shelf<Call<&str, u32>> = Arc::default();
    let task = Task::new();
    let inner = (Arc::clone(&second), Arc::clone(&task));
    let mut polls = 0;
    let mut first = group.join("key", move || {
        poll_fn(move |cx| {
            polls += 1;
            if polls > 1 {
                return Poll::Ready(7);
            }
            cx.waker().wake_by_ref();
            let (second, task) = &inner;
            assert!(
                task.poll(second.lock().unwrap().as_mut().unwrap())
                    .is_pending()
            );
            Poll::Pending
        })
    });
    *second.lock().unwrap() = Some(group.join("key", never));
    assert!(poll(&mut first).is_pending());
    assert_eq!(task.woken(), 1);
    let mut second = second.lock().unwrap().take().unwrap();
    assert_eq!(value(task.poll(&mut second)), Some(7));
}

/// The other such interleaving: the work holds the waker of a lone caller, and a second caller
/// registers while the lone caller polls.
#[test]
fn who_registers_while_a_lone_caller_polls_does_not_depend_on_it() {
    let group = Group::new();
    let gate = Gate::default();
    let task = Task::new();
    let second: Shelf<Call<&str, u32>> = Arc::default();
    let inner = (group.clone(), Arc::clone(&second), Arc::clone(&task));
    let (state, mut work) = (gate.clone(), gate.work());
    let mut first = group.join("key", move || {
        poll_fn(move |cx| {
            let (group, second, task) = &inner;
            if state.polls() == 0 {
                let mut call = group.join("key", never);
                assert!(task.poll(&mut call).is_pending());
                *second.lock().unwrap() = Some(call);
            }
            Pin::new(&mut work).poll(cx)
        })
    });
    assert!(poll(&mut first).is_pending());
    let mut second = second.lock().unwrap().take().unwrap();
    assert_eq!(task.woken(), 1, "to make itself known to the work");
    assert!(task.poll(&mut second).is_pending());
    gate.open(7);
    assert_eq!(task.woken(), 2);
    assert_eq!(value(task.poll(&mut second)), Some(7));
}

#[test]
fn who_joins_while_the_work_is_created_is_woken_when_it_is_there() {
    let group = Group::new();
    let task = Task::new();
    let early = Mutex::new(None);
    let first = group.join("key", || {
        let mut call = group.join("key", never);
        assert!(task.poll(&mut call).is_pending());
        *early.lock().unwrap() = Some(call);
        ready(7)
    });
    assert_eq!(task.woken(), 1);
    drop(first);
    assert_eq!(
        value(task.poll(&mut early.lock().unwrap().take().unwrap())),
        Some(7)
    );
}
