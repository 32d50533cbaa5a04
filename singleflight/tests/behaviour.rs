//! What the documentation promises, sentence by sentence.

use std::borrow::Borrow;
use std::future::{pending, poll_fn, ready};
use std::hash::{Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

use singleflight::{Call, Driver, Error, Group, Outcome};

/// Counts how often it is woken.
#[derive(Default)]
struct Task(AtomicUsize);

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

impl Task {
    fn new() -> Arc<Self> {
        Arc::default()
    }

    fn woken(&self) -> usize {
        self.0.load(SeqCst)
    }

    fn poll<F: Future + Unpin>(self: &Arc<Self>, future: &mut F) -> Poll<F::Output> {
        Pin::new(future).poll(&mut Context::from_waker(&Waker::from(Arc::clone(self))))
    }
}

fn poll<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    Task::new().poll(future)
}

fn now<F: Future + Unpin>(mut future: F) -> F::Output {
    match poll(&mut future) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("the future is pending"),
    }
}

/// Work that is pending until it is opened, and counts what happens to it.
#[derive(Clone, Default)]
struct Gate(Arc<GateState>);

#[derive(Default)]
struct GateState {
    value: Mutex<Option<u32>>,
    waker: Mutex<Option<Waker>>,
    polls: AtomicUsize,
    drops: AtomicUsize,
}

impl Gate {
    fn work(&self) -> Gated {
        Gated(self.clone())
    }

    fn wake(&self) {
        let waker = self.0.waker.lock().unwrap().take();
        waker.unwrap().wake();
    }

    fn open(&self, value: u32) {
        *self.0.value.lock().unwrap() = Some(value);
        let waker = self.0.waker.lock().unwrap().take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn polls(&self) -> usize {
        self.0.polls.load(SeqCst)
    }

    fn drops(&self) -> usize {
        self.0.drops.load(SeqCst)
    }
}

struct Gated(Gate);

impl Future for Gated {
    type Output = u32;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<u32> {
        let gate = &self.0.0;
        gate.polls.fetch_add(1, SeqCst);
        *gate.waker.lock().unwrap() = Some(cx.waker().clone());
        gate.value
            .lock()
            .unwrap()
            .map_or(Poll::Pending, Poll::Ready)
    }
}

impl Drop for Gated {
    fn drop(&mut self) {
        self.0.0.drops.fetch_add(1, SeqCst);
    }
}

fn never() -> std::future::Ready<u32> {
    panic!("a flight is there already")
}

fn value(result: Poll<Result<Outcome<u32>, Error>>) -> Option<u32> {
    match result {
        Poll::Ready(result) => Some(result.unwrap().value),
        Poll::Pending => None,
    }
}

// Sharing.

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

// Cancellation.

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

// Progress.

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
    // The first two never look at it again.
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

/// The interleaving that loses a wake-up in simpler designs: the work is woken while one caller polls it and another
/// registers, and the first never comes back.
#[test]
fn a_wake_during_a_poll_reaches_those_who_registered_during_it() {
    let group = Group::new();
    let second: Arc<Mutex<Option<Call<&str, u32>>>> = Arc::default();
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

// Panics.

#[test]
fn a_panic_while_polling_is_an_error_for_all_who_waited() {
    let group = Group::<_, u32>::new();
    let text = String::from("text");
    let calls = [
        group.join("key", || async move { panic!("no luck with {text}") }),
        group.join("key", || pending()),
    ];
    for call in calls {
        let error = now(call).unwrap_err();
        assert!(error.is_panic() && !error.is_abandoned());
        assert_eq!(error.panic_message(), Some("no luck with text"));
        assert_eq!(
            error.to_string(),
            "the shared work panicked: no luck with text"
        );
    }
    assert!(group.is_empty());
    assert_eq!(now(group.join("key", || ready(2))).unwrap().value, 2);
}

#[test]
fn a_panic_while_the_work_is_created_is_an_error_for_all_who_waited() {
    let group = Group::<_, u32>::new();
    let early = Mutex::new(None);
    let first = group.join("key", || {
        *early.lock().unwrap() = Some(group.join("key", never));
        never()
    });
    assert!(group.is_empty());
    for call in [first, early.into_inner().unwrap().unwrap()] {
        assert_eq!(
            now(call).unwrap_err().panic_message(),
            Some("a flight is there already")
        );
    }
}

#[test]
fn a_panic_with_something_else_than_text_has_no_message() {
    let group = Group::<_, u32>::new();
    let error = now(group.join("key", || async { panic_any(7) })).unwrap_err();
    assert!(error.is_panic() && error.panic_message().is_none());
    assert_eq!(error.to_string(), "the shared work panicked");
}

struct PanicOnDrop;

impl Drop for PanicOnDrop {
    fn drop(&mut self) {
        panic!("on drop");
    }
}

#[test]
fn a_panic_while_ended_work_is_dropped_is_an_error_too() {
    let group = Group::new();
    let bomb = PanicOnDrop;
    let call = group.join("key", || {
        let mut bomb = Some(bomb);
        poll_fn(move |_| {
            let _ = &mut bomb;
            Poll::Ready(7)
        })
    });
    assert_eq!(now(call).unwrap_err().panic_message(), Some("on drop"));
    assert!(group.is_empty());
}

#[test]
fn work_that_panics_when_polled_and_again_when_dropped_tells_the_first() {
    let group = Group::<_, u32>::new();
    let bomb = PanicOnDrop;
    let call = group.join("key", || {
        let mut bomb = Some(bomb);
        poll_fn(move |_| {
            let _ = &mut bomb;
            panic!("on poll")
        })
    });
    assert_eq!(now(call).unwrap_err().panic_message(), Some("on poll"));
    assert!(group.is_empty());
}

#[test]
fn a_payload_that_panics_when_dropped_is_survived() {
    let group = Group::<_, u32>::new();
    assert!(
        now(group.join("key", || async { panic_any(PanicOnDrop) }))
            .unwrap_err()
            .is_panic()
    );
    assert!(group.is_empty());
}

#[test]
fn abandoned_work_that_panics_when_dropped_leaves_the_key_free() {
    let group = Group::<_, u32>::new();
    let bomb = PanicOnDrop;
    let call = group.join("key", || {
        let mut bomb = Some(bomb);
        poll_fn(move |_| {
            let _ = &mut bomb;
            Poll::Pending
        })
    });
    assert!(catch_unwind(AssertUnwindSafe(|| drop(call))).is_err());
    assert!(group.is_empty());
    assert_eq!(now(group.join("key", || ready(2))).unwrap().value, 2);
}

#[test]
fn a_panic_while_cloning_the_value_is_its_callers_own() {
    #[derive(Debug)]
    struct Fragile(Arc<AtomicUsize>);
    impl Clone for Fragile {
        fn clone(&self) -> Self {
            assert!(self.0.fetch_add(1, SeqCst) > 0, "the first clone fails");
            Fragile(Arc::clone(&self.0))
        }
    }
    let group = Group::new();
    let mut calls: Vec<_> = (0..3)
        .map(|_| group.join("key", || ready(Fragile(Arc::default()))))
        .collect();
    let mut unlucky = calls.remove(0);
    assert!(catch_unwind(AssertUnwindSafe(|| poll(&mut unlucky).is_ready())).is_err());
    drop(unlucky);
    for call in calls {
        assert!(now(call).is_ok());
    }
    assert!(group.is_empty());
}

#[test]
#[should_panic(expected = "a call must not be polled after it was ready")]
fn polling_a_call_that_was_ready_panics() {
    let mut call = Group::new().join("key", || ready(7));
    assert!(poll(&mut call).is_ready());
    let _ = poll(&mut call);
}

// Forgetting.

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

// Detaching.

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

type Shelf<T> = Arc<Mutex<Option<T>>>;

/// A flight whose first call is detached while its second polls the work; `within` gets the driver at that moment.
fn detach_during_a_poll(
    within: impl Fn(Driver<&'static str, u32>) + Send + 'static,
    after: Poll<u32>,
) -> (
    Group<&'static str, u32>,
    Call<&'static str, u32>,
    Poll<Result<Outcome<u32>, Error>>,
) {
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

// Locks.

/// Looks into all shards whenever it can, which would never return if it were done under a lock.
struct Nosy(Group<NosyKey, Nosy>);

struct NosyKey(Group<NosyKey, Nosy>);

impl Nosy {
    fn new(group: &Group<NosyKey, Nosy>) -> Self {
        Nosy(group.clone())
    }
}

impl Clone for Nosy {
    fn clone(&self) -> Self {
        self.0.len();
        Nosy(self.0.clone())
    }
}

impl Drop for Nosy {
    fn drop(&mut self) {
        self.0.len();
    }
}

impl Wake for Nosy {
    fn wake(self: Arc<Self>) {
        self.0.len();
    }
}

impl Future for Nosy {
    type Output = Nosy;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Nosy> {
        self.0.len();
        cx.waker().wake_by_ref();
        if self.0.len() == 1 {
            Poll::Pending
        } else {
            Poll::Ready(self.clone())
        }
    }
}

impl Drop for NosyKey {
    fn drop(&mut self) {
        self.0.len();
    }
}

impl PartialEq for NosyKey {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for NosyKey {}

impl Hash for NosyKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.len();
        state.write_u8(0);
    }
}

#[test]
fn no_lock_is_held_while_keys_values_work_or_wakers_are_called_or_dropped() {
    let group = Group::<NosyKey, Nosy>::new();
    let join = || group.join(NosyKey(group.clone()), || Nosy::new(&group));
    let poll = |call: &mut Call<NosyKey, Nosy>| {
        let waker = Waker::from(Arc::new(Nosy::new(&group)));
        Pin::new(call)
            .poll(&mut Context::from_waker(&waker))
            .is_ready()
    };
    // Dropped by the last caller.
    let mut calls = [join(), join()];
    assert!(calls.iter_mut().all(|call| !poll(call)));
    drop(calls);
    // Forgotten, detached, abandoned.
    let mut calls = [join(), join()];
    assert!(calls.iter_mut().all(|call| !poll(call)));
    assert!(group.forget(&NosyKey(group.clone())));
    let driver = calls[0].detach();
    assert!(!poll(&mut calls[1]));
    drop(driver);
    assert!(calls.iter_mut().all(poll));
    // Ended by a caller, received by one, left by another.
    let mut calls = [join(), join(), join()];
    assert!(group.forget(&NosyKey(group.clone())));
    assert!(poll(&mut calls[2]) && poll(&mut calls[0]));
    drop(calls);
    assert!(group.is_empty());
}

// Types and threads.

#[test]
fn everything_can_be_sent_to_other_threads_and_errors_are_small() {
    fn sent<T: Send + 'static>() {}
    fn shared<T: Send + Sync + Clone + 'static>() {}
    // Neither of these is `Sync`.
    type Key = std::cell::Cell<u8>;
    type Value = std::cell::RefCell<String>;
    sent::<Call<Key, Value>>();
    sent::<Driver<Key, Value>>();
    shared::<Group<Key, Value>>();
    shared::<Error>();
    assert!(size_of::<Error>() <= 3 * size_of::<usize>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_stampede_of_tasks_costs_one_execution() {
    let group = Group::<String, u32>::new();
    let gate = Gate::default();
    let started = Arc::new(AtomicUsize::new(0));
    let everybody = Arc::new(tokio::sync::Barrier::new(500));
    let tasks: Vec<_> = (0..500)
        .map(|number| {
            let (group, gate, started) = (group.clone(), gate.clone(), Arc::clone(&started));
            let everybody = Arc::clone(&everybody);
            tokio::spawn(async move {
                let mut call = group.join_ref("key", || {
                    started.fetch_add(1, SeqCst);
                    gate.work()
                });
                if let Some(driver) = call.detach() {
                    tokio::spawn(driver);
                }
                everybody.wait().await;
                gate.open(7);
                // Every other one goes away instead of waiting.
                if number % 2 == 0 {
                    Some(call.await)
                } else {
                    None
                }
            })
        })
        .collect();
    for task in tasks {
        if let Some(result) = task.await.unwrap() {
            assert_eq!(result.unwrap().value, 7);
        }
    }
    assert_eq!((started.load(SeqCst), gate.drops()), (1, 1));
    assert!(group.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn callers_that_come_and_go_on_many_threads_leave_nothing_behind() {
    let group = Group::<u32, u32>::new();
    let tasks: Vec<_> = (0..8u32)
        .map(|task| {
            let group = group.clone();
            tokio::spawn(async move {
                for round in 0..2_000u32 {
                    let key = round % 3;
                    let call = group.join(key, || async move {
                        for _ in 0..round % 4 {
                            tokio::task::yield_now().await;
                        }
                        key
                    });
                    match (task + round) % 5 {
                        0 => drop(call),
                        1 => {
                            group.forget(&key);
                        }
                        2 => {
                            tokio::select! {
                                biased;
                                () = tokio::task::yield_now() => {}
                                result = call => assert_eq!(result.unwrap().value, key),
                            }
                        }
                        _ => assert_eq!(call.await.unwrap().value, key),
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert!(group.is_empty());
}
