//! The state machine of one flight, which is all the synchronisation there is apart from the map's.
//!
//! ```text
//!            launch               begin                  finish
//!   (busy) ─────────▶ idle(work) ───────▶ busy ───────────────────────────▶ over
//!                        ▲  │              │                                 ▲
//!                        │  │   put_back   │                                 │
//!                        └──┼──────────────┘                                 │
//!                           └────────────────────────────────────────────────┘
//!                             leave (the last caller), finish (a driver dropped)
//! ```
//!
//! **Who polls.** The work travels: whoever polls it takes it out (`busy`) and puts it back, so that no lock is held
//! while user code runs. Until a flight is detached any caller may take it, and the work is polled with a waker of the
//! flight itself, which wakes *all* callers. One of them would do if it were sure to poll; but a future that was woken
//! may be dropped instead, or sit in a `select!` that looks elsewhere, and then the others would wait for ever. `woken`
//! keeps the herd cheap: the first to arrive takes the work, the others find that it has not been woken since.
//!
//! **The lost wake-up, and why there is none.** The work may be woken while `busy`: by another thread or by itself.
//! Waking the callers then would be too early, since they would find the work away, register again, and rely on the one
//! who polls to come back, which it need not. So the wake is noted in `woken`, and `put_back` wakes everybody after the
//! work is in its place.
//!
//! **Detached.** A driver owns the work and polls it with its own waker. If a caller is just polling when the flight is
//! detached, the driver leaves its waker in `driver` and `put_back` calls it.

use std::mem;
use std::sync::Arc;
use std::task::{Wake, Waker};

use crate::sync::Mutex;
use crate::waker_set::{Slot, WakerSet};
use crate::work::Work;
use crate::{Error, Outcome};

/// Lock order: a shard of the map, then `state`, then `landed`. User code runs under `landed` alone (`V::clone`), and
/// that is taken there with no other lock held.
pub(crate) struct Flight<V> {
    state: Mutex<State<V>>,
    /// Written once, by `finish`, unless nobody is left to read it.
    landed: Mutex<Landed<V>>,
}

struct State<V> {
    stage: Stage<V>,
    /// The work wants to be polled: it never was, or its waker was called since.
    woken: bool,
    /// A driver exists or has existed; callers only wait.
    detached: bool,
    /// The driver's waker, while it waits for a caller to put the work back.
    driver: Option<Waker>,
    /// Callers that have neither received the result nor left.
    waiting: usize,
    /// Callers that ever were.
    joined: usize,
    wakers: WakerSet,
}

enum Stage<V> {
    /// At rest, for anybody who may to poll.
    Idle(Work<V>),
    /// Being created or polled, or owned by the driver.
    Busy,
    /// Ended, abandoned, or left by everybody. Nobody can join any more.
    Over,
}

struct Landed<V> {
    result: Option<Result<V, Error>>,
    shared: bool,
    /// Callers that have yet to receive the result, or to leave; the last one gets the original.
    due: usize,
}

/// What a caller is to do.
pub(crate) enum Turn<V> {
    /// Poll this, then call `put_back` or `finish`.
    Poll(Work<V>),
    /// The waker is registered.
    Wait,
    /// The flight is over.
    Receive,
}

impl<V> Flight<V> {
    /// A flight with one caller, whose work is still to be launched.
    pub(crate) fn new() -> Self {
        Self {
            state: Mutex::new(State {
                stage: Stage::Busy,
                woken: true,
                detached: false,
                driver: None,
                waiting: 1,
                joined: 1,
                wakers: WakerSet::default(),
            }),
            landed: Mutex::new(Landed { result: None, shared: false, due: 0 }),
        }
    }

    /// Counts a caller in; false if the flight is over.
    pub(crate) fn enter(&self) -> bool {
        let mut state = self.state.lock();
        if matches!(state.stage, Stage::Over) {
            return false;
        }
        state.waiting += 1;
        state.joined += 1;
        true
    }

    /// Puts the new work in its place.
    pub(crate) fn launch(&self, work: Work<V>) {
        let mut state = self.state.lock();
        state.stage = Stage::Idle(work);
        // Those who joined while the work was created.
        let waiting = state.wakers.drain();
        drop(state);
        waiting.wake();
    }

    /// A caller was polled.
    pub(crate) fn begin(&self, slot: &mut Slot, waker: &Waker) -> Turn<V> {
        // Cloning and dropping a waker runs the code of a stranger, so it is done outside the lock.
        let mut clone = None;
        loop {
            let mut state = self.state.lock();
            match state.stage {
                Stage::Over => return Turn::Receive,
                Stage::Idle(_) if state.woken && !state.detached => {
                    state.woken = false;
                    return match mem::replace(&mut state.stage, Stage::Busy) {
                        Stage::Idle(work) => Turn::Poll(work),
                        Stage::Busy | Stage::Over => unreachable!("matched above"),
                    };
                }
                Stage::Idle(_) | Stage::Busy => {}
            }
            if state.wakers.holds(slot, waker) {
                return Turn::Wait;
            }
            if let Some(clone) = clone.take() {
                let replaced = state.wakers.register(slot, clone);
                drop(state);
                drop(replaced);
                return Turn::Wait;
            }
            drop(state);
            clone = Some(waker.clone());
        }
    }

    /// A caller has polled the work, which is pending. Hands the work back if a driver has been dropped meanwhile and
    /// the flight is over.
    #[must_use = "the work is to be dropped, or the flight is to go on"]
    pub(crate) fn put_back(&self, work: Work<V>, slot: &mut Slot, waker: &Waker) -> Option<Work<V>> {
        let waker = waker.clone();
        let mut state = self.state.lock();
        if matches!(state.stage, Stage::Over) {
            drop(state);
            return Some(work);
        }
        state.stage = Stage::Idle(work);
        let replaced = state.wakers.register(slot, waker);
        let driver = state.driver.take();
        let callers = (state.woken && !state.detached).then(|| state.wakers.drain());
        drop(state);
        drop(replaced);
        if let Some(driver) = driver {
            driver.wake();
        }
        if let Some(callers) = callers {
            callers.wake();
        }
        None
    }

    /// Ends the flight. To be called when the map no longer leads to it, so that a call which begins after another has
    /// received a result never receives the same.
    ///
    /// The result is stored for those who wait, if it is not over already. A caller who ends the flight passes its slot,
    /// and gets the result directly if nobody waits besides.
    pub(crate) fn finish(
        &self,
        result: Result<V, Error>,
        caller: Option<&mut Slot>,
    ) -> Option<Result<Outcome<V>, Error>> {
        let mut state = self.state.lock();
        if matches!(state.stage, Stage::Over) {
            drop(state);
            drop(result);
            return None;
        }
        // Idle if a driver is dropped before it has ever polled.
        let work = mem::replace(&mut state.stage, Stage::Over);
        let shared = state.joined > 1;
        let is_caller = caller.is_some();
        let own_waker = caller.and_then(|slot| state.wakers.remove(slot));
        let others = state.wakers.drain();
        let direct = if state.waiting == usize::from(is_caller) {
            Some(result)
        } else {
            *self.landed.lock() = Landed { result: Some(result), shared, due: state.waiting };
            None
        };
        drop(state);
        others.wake();
        drop(own_waker);
        drop(work);
        direct
            .filter(|_| is_caller)
            .map(|result| result.map(|value| Outcome { value, shared }))
    }

    /// A caller goes away without a result. If it was the last one and there is no driver, the flight is over: the
    /// work is handed back to be dropped, and the key is to be freed.
    pub(crate) fn leave(&self, slot: &mut Slot) -> Option<Work<V>> {
        let mut state = self.state.lock();
        let waker = state.wakers.remove(slot);
        if matches!(state.stage, Stage::Over) {
            drop(state);
            drop(waker);
            let mut landed = self.landed.lock();
            landed.due -= 1;
            let unread = if landed.due == 0 { landed.result.take() } else { None };
            drop(landed);
            drop(unread);
            return None;
        }
        state.waiting -= 1;
        let work = if state.waiting == 0 && !state.detached {
            match mem::replace(&mut state.stage, Stage::Over) {
                Stage::Idle(work) => Some(work),
                // Who polls without being the driver is a caller, and has not left.
                Stage::Busy | Stage::Over => None,
            }
        } else {
            None
        };
        drop(state);
        drop(waker);
        work
    }

    /// Reserves the work for a driver; false if it has one, or if the flight is over.
    pub(crate) fn detach(&self) -> bool {
        let mut state = self.state.lock();
        let free = !state.detached && !matches!(state.stage, Stage::Over);
        state.detached |= free;
        free
    }

    /// The driver asks for the work.
    pub(crate) fn take_over(&self, waker: &Waker) -> Turn<V> {
        let waker = waker.clone();
        let mut state = self.state.lock();
        match mem::replace(&mut state.stage, Stage::Busy) {
            Stage::Idle(work) => Turn::Poll(work),
            Stage::Busy => {
                let replaced = state.driver.replace(waker);
                drop(state);
                drop(replaced);
                Turn::Wait
            }
            Stage::Over => {
                state.stage = Stage::Over;
                Turn::Receive
            }
        }
    }
}

impl<V: Clone> Flight<V> {
    /// Gives a caller who was told to receive its copy, and counts it out.
    pub(crate) fn receive(&self) -> Result<Outcome<V>, Error> {
        let mut landed = self.landed.lock();
        let result = if landed.due == 1 { landed.result.take() } else { landed.result.clone() };
        // Not before `clone` has returned: should it panic, the caller still is to be counted out when it is dropped.
        landed.due -= 1;
        let shared = landed.shared;
        drop(landed);
        result
            .expect("the result stays until all who are due have it")
            .map(|value| Outcome { value, shared })
    }
}

/// The waker that callers poll the work with.
impl<V: Send + 'static> Wake for Flight<V> {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let mut state = self.state.lock();
        state.woken = true;
        if matches!(state.stage, Stage::Idle(_)) && !state.detached {
            let callers = state.wakers.drain();
            drop(state);
            callers.wake();
        }
    }
}
