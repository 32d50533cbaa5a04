//! Checks races between callers, drivers and the work, in every interleaving that loom finds.
//!
//! `RUSTFLAGS="--cfg groupcache_loom" cargo test -p groupcache-singleflight --release --test loom`
#![cfg(groupcache_loom)]

use std::collections::hash_map::DefaultHasher;
use std::hash::BuildHasherDefault;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use loom::sync::{Condvar, Mutex};
use loom::thread;
use singleflight::{Claim, Outcome};

/// A group whose keys have the same hash in every execution, as loom requires.
type Group = singleflight::Group<u8, u32, BuildHasherDefault<DefaultHasher>>;

const KEY: u8 = 1;

fn group() -> Group {
    Group::with_hasher(BuildHasherDefault::default())
}

/// Blocks a thread until its future is ready. A lost wake-up causes a deadlock, which loom reports.
#[derive(Default)]
struct Parker {
    woken: Mutex<bool>,
    wake: Condvar,
}

impl Wake for Parker {
    fn wake(self: Arc<Self>) {
        *self.woken.lock().unwrap() = true;
        self.wake.notify_one();
    }
}

fn block_on<F: Future>(future: F) -> F::Output {
    let parker = Arc::new(Parker::default());
    let waker = Waker::from(Arc::clone(&parker));
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return output;
        }
        let mut woken = parker.woken.lock().unwrap();
        while !*woken {
            woken = parker.wake.wait(woken).unwrap();
        }
        *woken = false;
    }
}

fn poll_once<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
}

/// Work that ends when it is opened.
#[derive(Clone)]
struct Gate(Arc<Mutex<GateState>>);

#[derive(Default)]
struct GateState {
    open: bool,
    waker: Option<Waker>,
    drops: usize,
}

impl Gate {
    fn new() -> Self {
        Gate(Arc::new(Mutex::new(GateState::default())))
    }

    fn work(&self) -> Gated {
        Gated(self.clone())
    }

    fn open(&self) {
        let mut state = self.0.lock().unwrap();
        state.open = true;
        let waker = state.waker.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn drops(&self) -> usize {
        self.0.lock().unwrap().drops
    }
}

struct Gated(Gate);

impl Future for Gated {
    type Output = u32;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<u32> {
        let mut state = self.0.0.lock().unwrap();
        let previous = state.waker.replace(cx.waker().clone());
        let open = state.open;
        drop(state);
        drop(previous);
        if open { Poll::Ready(7) } else { Poll::Pending }
    }
}

impl Drop for Gated {
    fn drop(&mut self) {
        self.0.0.lock().unwrap().drops += 1;
    }
}

fn value(result: Result<Outcome<u32>, singleflight::Error>) -> u32 {
    result.unwrap().value
}

/// Explores all interleavings with at most three preemptions, which takes less than a second. To
/// explore all interleavings, set `LOOM_MAX_PREEMPTIONS=20`, which takes minutes.
fn model(body: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = builder.preemption_bound.or(Some(3));
    builder.check(body);
}

#[test]
fn two_waiters_and_completion() {
    model(|| {
        let (group, gate) = (group(), Gate::new());
        let first = group.join(KEY, || gate.work());
        let second = group.join(KEY, || gate.work());
        let waiter = thread::spawn(move || value(block_on(first)));
        let opener = thread::spawn({
            let gate = gate.clone();
            move || gate.open()
        });
        assert_eq!(value(block_on(second)), 7);
        assert_eq!(waiter.join().unwrap(), 7);
        opener.join().unwrap();
        assert_eq!(gate.drops(), 1);
        assert!(group.is_empty());
    });
}

#[test]
fn claims_that_meet_while_one_lands() {
    model(|| {
        let group = group();
        let work = |group: Group| match group.claim(KEY) {
            Claim::Mine(landing) => {
                landing.land(7);
                7
            }
            Claim::Joined(call) => value(block_on(call)),
        };
        let other = thread::spawn({
            let group = group.clone();
            move || work(group)
        });
        assert_eq!(work(group.clone()), 7);
        assert_eq!(other.join().unwrap(), 7);
        assert!(group.is_empty());
    });
}

#[test]
fn a_result_is_made_for_who_has_joined_by_then() {
    model(|| {
        let group = group();
        let Claim::Mine(landing) = group.claim(KEY) else {
            panic!("the key is not claimed yet");
        };
        let other = thread::spawn({
            let group = group.clone();
            move || match group.claim(KEY) {
                // The flight was over.
                Claim::Mine(landing) => landing.land_with(|| 7),
                Claim::Joined(call) => assert_eq!(value(block_on(call)), 7),
            }
        });
        landing.land_with(|| 7);
        other.join().unwrap();
        assert!(group.is_empty());
    });
}

#[test]
fn a_landing_that_forgets_its_key_while_others_join() {
    model(|| {
        let group = group();
        let Claim::Mine(mut landing) = group.claim(KEY) else {
            panic!("the key is not claimed yet");
        };
        let other = thread::spawn({
            let group = group.clone();
            move || match group.claim(KEY) {
                // The flight was forgotten.
                Claim::Mine(landing) => landing.land(7),
                Claim::Joined(call) => assert_eq!(value(block_on(call)), 7),
            }
        });
        landing.forget();
        landing.land_with(|| 7);
        other.join().unwrap();
        assert!(group.is_empty());
    });
}

#[test]
fn waiter_dropped_while_driving() {
    model(|| {
        let (group, gate) = (group(), Gate::new());
        let mut first = group.join(KEY, || gate.work());
        let second = group.join(KEY, || gate.work());
        let driving = thread::spawn(move || drop((poll_once(&mut first), first)));
        let opener = thread::spawn({
            let gate = gate.clone();
            move || gate.open()
        });
        assert_eq!(value(block_on(second)), 7);
        driving.join().unwrap();
        opener.join().unwrap();
        assert_eq!(gate.drops(), 1);
        assert!(group.is_empty());
    });
}

#[test]
fn lone_waiter_joined_while_driving_and_never_polled_again() {
    model(|| {
        let (group, gate) = (group(), Gate::new());
        let mut first = group.join(KEY, || gate.work());
        let opener = thread::spawn({
            let gate = gate.clone();
            move || gate.open()
        });
        let driving = thread::spawn(move || {
            let _ = poll_once(&mut first);
            first
        });
        // The second call joins before, while or after the first polls. Or it finds the flight over
        // and starts its own.
        let second = group.join(KEY, || gate.work());
        assert_eq!(value(block_on(second)), 7);
        drop(driving.join().unwrap());
        opener.join().unwrap();
        assert!(group.is_empty());
    });
}

#[test]
fn forget_racing_with_completion() {
    model(|| {
        let (group, gate) = (group(), Gate::new());
        let old = group.join(KEY, || gate.work());
        gate.open();
        let waiter = thread::spawn(move || value(block_on(old)));
        let forgotten = group.forget(&KEY);
        let mut fresh = group.join(KEY, || gate.work());
        assert!(
            fresh.is_first(),
            "forgotten or not, the old flight is not to be joined any more"
        );
        // The old flight may end only now; the new one must stay.
        assert_eq!(waiter.join().unwrap(), 7);
        assert!(group.contains(&KEY));
        assert!(poll_once(&mut fresh).is_ready());
        assert_eq!(gate.drops(), 2);
        assert!(group.is_empty());
        let _ = forgotten;
    });
}

#[test]
fn all_waiters_dropped_racing_with_completion() {
    model(|| {
        let (group, gate) = (group(), Gate::new());
        let mut first = group.join(KEY, || gate.work());
        let mut second = group.join(KEY, || gate.work());
        let opener = thread::spawn({
            let gate = gate.clone();
            move || gate.open()
        });
        let other = thread::spawn(move || drop((poll_once(&mut first), first)));
        drop((poll_once(&mut second), second));
        other.join().unwrap();
        assert_eq!(gate.drops(), 1);
        assert!(group.is_empty());
        opener.join().unwrap();
        assert_eq!(gate.drops(), 1);
    });
}

#[test]
fn join_racing_with_the_last_waiter_leaving() {
    model(|| {
        let (group, gate) = (group(), Gate::new());
        gate.open();
        let leaving = group.join(KEY, || gate.work());
        let other = thread::spawn(move || drop(leaving));
        let call = group.join(KEY, || gate.work());
        let flights = 1 + usize::from(call.is_first());
        assert_eq!(value(block_on(call)), 7);
        other.join().unwrap();
        assert_eq!(gate.drops(), flights);
        assert!(group.is_empty());
    });
}

#[test]
fn callers_racing_to_be_first() {
    model(|| {
        let (group, gate) = (group(), Gate::new());
        gate.open();
        let other = thread::spawn({
            let (group, gate) = (group.clone(), gate.clone());
            move || {
                let call = group.join(KEY, || gate.work());
                let first = call.is_first();
                assert_eq!(value(block_on(call)), 7);
                usize::from(first)
            }
        });
        let call = group.join(KEY, || gate.work());
        let first = usize::from(call.is_first());
        assert_eq!(value(block_on(call)), 7);
        let flights = first + other.join().unwrap();
        assert!(flights == 1 || flights == 2);
        assert_eq!(gate.drops(), flights);
        assert!(group.is_empty());
    });
}

#[test]
fn detached_and_driven_elsewhere() {
    model(|| {
        let (group, gate) = (group(), Gate::new());
        let mut first = group.join(KEY, || gate.work());
        let driver = first.detach().unwrap();
        let driving = thread::spawn(move || block_on(driver));
        let opener = thread::spawn({
            let gate = gate.clone();
            move || gate.open()
        });
        assert_eq!(value(block_on(first)), 7);
        driving.join().unwrap();
        opener.join().unwrap();
        assert_eq!(gate.drops(), 1);
        assert!(group.is_empty());
    });
}

#[test]
fn detached_while_another_waiter_drives() {
    model(|| {
        let (group, gate) = (group(), Gate::new());
        let mut first = group.join(KEY, || gate.work());
        let second = group.join(KEY, || gate.work());
        let waiter = thread::spawn(move || value(block_on(second)));
        let opener = thread::spawn({
            let gate = gate.clone();
            move || gate.open()
        });
        // The other waiter may have ended the flight already.
        if let Some(driver) = first.detach() {
            block_on(driver);
        }
        assert_eq!(value(block_on(first)), 7);
        assert_eq!(waiter.join().unwrap(), 7);
        opener.join().unwrap();
        assert_eq!(gate.drops(), 1);
        assert!(group.is_empty());
    });
}

#[test]
fn driver_dropped_while_a_waiter_drives_or_waits() {
    model(|| {
        let (group, gate) = (group(), Gate::new());
        let mut first = group.join(KEY, || gate.work());
        let second = group.join(KEY, || gate.work());
        let waiter = thread::spawn(move || block_on(second));
        drop(first.detach().unwrap());
        let error = waiter.join().unwrap().unwrap_err();
        assert!(error.is_abandoned());
        assert!(block_on(first).unwrap_err().is_abandoned());
        assert_eq!(gate.drops(), 1);
        assert!(group.is_empty());
    });
}
