use std::future::{poll_fn, ready};
use std::sync::Arc;
use std::task::Poll;

use crate::support::{Gate, Shelf, Task, never, now, poll, value};

use singleflight::{Call, Driver, Error, Group, Outcome};

#[test]
fn a_detached_flight_goes_on_without_callers_and_can_still_be_joined() {
    let group = Group::new();
    let gate = Gate::default();
    let mut first = group.join("key", || gate.work());
    let mut driver = first.detach().unwrap();
    drop(first);
    assert!(poll(&mut driver).is_pending());
    assert!(gate.drops() == 0 && group.contains("key"));

    let mut late = group.join("key", never);
    assert!(poll(&mut late).is_pending());
    gate.open(7);
    assert!(
        poll(&mut late).is_pending(),
        "callers of a detached flight do not drive it"
    );
    assert!(poll(&mut driver).is_ready());
    assert!(group.is_empty());
    let outcome = now(late).unwrap();
    assert!(outcome.value == 7 && outcome.shared);
}

#[test]
fn only_the_driver_is_woken_for_progress_and_the_callers_once_at_the_end() {
    let group = Group::new();
    let gate = Gate::default();
    let (task, waiters) = (Task::new(), [Task::new(), Task::new()]);
    let mut calls = [group.join("key", || gate.work()), group.join("key", never)];
    let mut driver = calls[0].detach().unwrap();
    assert!(task.poll(&mut driver).is_pending());
    for (waiter, call) in waiters.iter().zip(&mut calls) {
        assert!(waiter.poll(call).is_pending());
    }
    for round in 1..=3 {
        gate.wake();
        assert_eq!(task.woken(), round);
        assert!(task.poll(&mut driver).is_pending());
    }
    assert!(waiters.iter().all(|waiter| waiter.woken() == 0));
    gate.open(7);
    assert!(task.poll(&mut driver).is_ready());
    assert!(waiters.iter().all(|waiter| waiter.woken() == 1));
    assert!(calls.into_iter().all(|call| now(call).unwrap().value == 7));
}

#[test]
fn a_flight_can_be_detached_after_it_was_polled() {
    let group = Group::new();
    let gate = Gate::default();
    let (task, waiter) = (Task::new(), Task::new());
    let mut call = group.join("key", || gate.work());
    assert!(waiter.poll(&mut call).is_pending());
    let mut driver = call.detach().unwrap();
    assert!(task.poll(&mut driver).is_pending());
    gate.open(7);
    assert_eq!((task.woken(), waiter.woken()), (1, 0));
    assert!(task.poll(&mut driver).is_ready());
    assert_eq!(
        waiter.woken(),
        1,
        "a caller that was polled before waits for the driver"
    );
    assert_eq!(value(waiter.poll(&mut call)), Some(7));
}

#[test]
fn only_the_first_caller_detaches_and_only_once_and_not_when_it_is_over() {
    let group = Group::new();
    let mut first = group.join("key", || ready(7));
    let mut second = group.join("key", never);
    assert!(second.detach().is_none());
    let driver = first.detach();
    assert!(driver.is_some() && first.detach().is_none());
    drop(driver);
    assert!(first.detach().is_none());

    let mut first = group.join("other", || ready(7));
    now(group.join("other", never)).unwrap();
    assert!(first.detach().is_none());
    assert!(poll(&mut first).is_ready());
    assert!(first.detach().is_none());
}

#[test]
fn callers_of_a_driver_that_is_dropped_get_an_error() {
    for polled in [false, true] {
        let group = Group::new();
        let gate = Gate::default();
        let task = Task::new();
        let mut first = group.join("key", || gate.work());
        let second = group.join("key", never);
        let mut driver = first.detach().unwrap();
        assert!(!polled || poll(&mut driver).is_pending());
        assert!(task.poll(&mut first).is_pending());
        drop(driver);
        assert_eq!((task.woken(), gate.drops()), (1, 1));
        assert!(group.is_empty());
        for call in [first, second] {
            let error = now(call).unwrap_err();
            assert!(error.is_abandoned() && !error.is_panic() && error.panic_message().is_none());
            assert_eq!(
                error.to_string(),
                "the shared work was dropped before it had ended"
            );
        }
    }
}

#[test]
fn a_driver_that_nobody_waits_for_leaves_nothing_when_it_is_dropped_or_ends() {
    let group = Group::new();
    let gates = [Gate::default(), Gate::default()];
    for gate in &gates {
        let driver = group.join("key", || gate.work()).detach();
        assert!(group.contains("key"));
        gate.open(7);
        if std::ptr::eq(gate, &gates[0]) {
            now(driver.unwrap());
        } else {
            drop(driver);
        }
        assert!(gate.drops() == 1 && group.is_empty());
    }
}

#[test]
fn a_panic_under_a_driver_is_an_error_for_the_callers_and_none_for_the_driver() {
    let group = Group::<_, u32>::new();
    let mut call = group.join("key", || async { panic!("boom") });
    now(call.detach().unwrap());
    assert_eq!(now(call).unwrap_err().panic_message(), Some("boom"));
}

type DetachedDuringPoll = (
    Group<&'static str, u32>,
    Call<&'static str, u32>,
    Poll<Result<Outcome<u32>, Error>>,
);

/// Detaches a flight through its first call while its second call polls the work. `within` gets the
/// driver at that moment. Returns the first call, and the result of the second call's poll.
fn detach_during_a_poll(
    within: impl Fn(Driver<&'static str, u32>) + Send + 'static,
    after: Poll<u32>,
) -> DetachedDuringPoll {
    let group = Group::new();
    let shelf: Shelf<Call<&str, u32>> = Arc::default();
    let inner = Arc::clone(&shelf);
    let mut polls = 0;
    let call = group.join("key", move || {
        poll_fn(move |_| {
            polls += 1;
            if polls > 1 {
                return Poll::Ready(7);
            }
            within(inner.lock().unwrap().as_mut().unwrap().detach().unwrap());
            after
        })
    });
    *shelf.lock().unwrap() = Some(call);
    let mut second = group.join("key", never);
    let polled = poll(&mut second);
    let first = shelf.lock().unwrap().take().unwrap();
    (group, first, polled)
}

#[test]
fn a_driver_waits_for_the_caller_who_is_polling_and_is_woken_to_take_over() {
    let shelf: Shelf<Driver<&str, u32>> = Arc::default();
    let task = Task::new();
    let inner = (Arc::clone(&shelf), Arc::clone(&task));
    let (group, first, polled) = detach_during_a_poll(
        move |mut driver| {
            assert!(inner.1.poll(&mut driver).is_pending());
            *inner.0.lock().unwrap() = Some(driver);
        },
        Poll::Pending,
    );
    assert!(polled.is_pending());
    assert_eq!(task.woken(), 1);
    assert!(
        task.poll(shelf.lock().unwrap().as_mut().unwrap())
            .is_ready()
    );
    assert_eq!(now(first).unwrap().value, 7);
    assert!(group.is_empty());
}

#[test]
fn a_driver_is_woken_and_done_if_the_caller_who_was_polling_ends_the_work() {
    let shelf: Shelf<Driver<&str, u32>> = Arc::default();
    let task = Task::new();
    let inner = (Arc::clone(&shelf), Arc::clone(&task));
    let (group, first, polled) = detach_during_a_poll(
        move |mut driver| {
            assert!(inner.1.poll(&mut driver).is_pending());
            *inner.0.lock().unwrap() = Some(driver);
        },
        Poll::Ready(5),
    );
    assert_eq!(value(polled), Some(5));
    assert!(group.is_empty());
    assert_eq!(task.woken(), 1);
    assert!(
        task.poll(shelf.lock().unwrap().as_mut().unwrap())
            .is_ready()
    );
    assert_eq!(now(first).unwrap().value, 5);
}

#[test]
fn a_driver_dropped_while_a_caller_polls_abandons_the_flight_whatever_the_poll_brings() {
    for after in [Poll::Pending, Poll::Ready(5)] {
        let (group, first, polled) = detach_during_a_poll(drop, after);
        let Poll::Ready(Err(error)) = polled else {
            panic!("{polled:?}")
        };
        assert!(error.is_abandoned());
        assert!(now(first).unwrap_err().is_abandoned());
        assert!(group.is_empty());
    }
}
