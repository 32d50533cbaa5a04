//! The state machine of one flight: plain data, changed under the lock of its shard, with no lock of its own.
//!
//! ```text
//!          launch               begin                 finish
//!   busy ──────────▶ idle(work) ─────▶ busy ────────────────────────▶ over
//!                      ▲    │           │                              ▲
//!                      └────┼───────────┘                              │
//!                 put_back  └──────────────────────────────────────────┘
//!                                   finish (by a driver that is dropped)
//! ```
//!
//! A flight that its last caller leaves is not over but gone, in one step with its key.
//!
//! **Who polls.** The work travels: whoever polls it takes it out (`busy`) and puts it back, so that no lock is held
//! while it runs. Until a flight is detached any caller may take it. Where there are several, the work is polled with a
//! waker of the flight that wakes *all* of them. To wake one would do if it were sure to poll; but it may be dropped
//! instead, or sit in a `select!` that looks elsewhere, and then the others would wait for ever. `woken` keeps the herd
//! cheap: the first to arrive takes the work, the others find that it has not been woken since.
//!
//! **A lone caller** polls the work with its own waker and so saves the detour. While that waker is the one the work
//! knows (`lone`), a wake-up does not pass here and whoever comes may poll: the lone caller, because it was woken, or
//! one that has joined and changes to the waker of the flight by polling.
//!
//! **The lost wake-up, and why there is none.** The work may be woken while it is `busy`: by another thread, or by
//! itself. To wake the callers then would be too early. They would find the work away, register again, and rely on the
//! one who polls to come back, which it need not. So the wake is noted in `woken`, and `put_back` wakes everybody after
//! the work is in its place. It does the same if somebody has joined while a lone caller polled.
//!
//! **Detached.** A driver owns the work and polls it with its own waker. If a caller is just polling when the flight is
//! detached, the driver leaves its waker in `driver_waker`, and `put_back` calls it.

use std::mem;
use std::task::Waker;

use crate::Error;
use crate::receipt::{Receipt, Stored};
use crate::waker_set::{Drained, Slot, WakerSet};
use crate::work::Work;

/// No method runs or drops anything of the user's, wakers included: what is left over is handed back.
pub(crate) struct Flight<V> {
    stage: Stage<V>,
    /// The work wants to be polled: it never was, or the waker of the flight was called since.
    woken: bool,
    /// The work was last polled with the waker of one caller, who was the only one.
    lone: bool,
    /// More than one caller has taken part.
    shared: bool,
    /// A driver exists or has existed; callers only wait.
    detached: bool,
    /// A driver exists.
    driven: bool,
    /// The driver's, while it waits for a caller to put the work back.
    driver_waker: Option<Waker>,
    /// Callers that have neither received the result nor left.
    waiting: usize,
    wakers: WakerSet,
    /// Which flight this is among all that its shard ever had. Its number is used again, its serial is not.
    pub(crate) serial: u64,
    /// The waker of the flight, made by the shard when it is first needed.
    pub(crate) waker: Option<Waker>,
}

/// Where the work is.
pub(crate) enum Stage<V> {
    /// At rest, for anybody who may to poll.
    Idle(Work<V>),
    /// Being created or polled, or owned by the driver.
    Busy,
    /// Ended, with the result if anybody waited for it.
    Over(Option<Stored<V>>),
}

/// What a caller who was polled is to do.
pub(crate) enum Turn<V> {
    /// Poll this: with its own waker if it is `lone`, else with that of the flight.
    Poll { work: Work<V>, lone: bool },
    /// Come again with a clone of the waker, to be registered. Cloning it runs the code of a stranger, which must not
    /// be done under a lock, and need not be done at all if the work is ready.
    Register,
    /// Wait; the waker is registered.
    Wait,
    /// Take this. The caller is counted out.
    Receive(Receipt<V>),
}

/// What the driver who was polled is to do.
pub(crate) enum Handover<V> {
    /// Own the work from now on.
    Take(Work<V>),
    /// Wait until the caller who is polling puts it back; the waker is registered.
    Wait,
    /// Nothing: the flight is over, and the driver is counted out.
    Over,
}

impl<V> Flight<V> {
    /// A flight with one caller, whose work is still to be launched.
    pub(crate) fn new(serial: u64) -> Self {
        Self {
            stage: Stage::Busy,
            woken: true,
            lone: false,
            shared: false,
            detached: false,
            driven: false,
            driver_waker: None,
            waiting: 1,
            wakers: WakerSet::new(),
            serial,
            waker: None,
        }
    }

    pub(crate) fn is_over(&self) -> bool {
        matches!(self.stage, Stage::Over(_))
    }

    /// Nobody has a part in the flight any more.
    pub(crate) fn is_deserted(&self) -> bool {
        self.waiting == 0 && !self.driven
    }

    /// Counts a caller in.
    pub(crate) fn enter(&mut self) {
        self.waiting += 1;
        self.shared = true;
    }

    /// Counts a caller out that goes without a result. The last one takes along what only callers have a use for: the
    /// work if there is no driver, the result if it is there.
    pub(crate) fn leave(&mut self, slot: &mut Slot) -> (Option<Waker>, Stage<V>) {
        self.waiting -= 1;
        let useless = self.waiting == 0 && (!self.detached || self.is_over());
        let rest = if useless {
            mem::replace(&mut self.stage, Stage::Over(None))
        } else {
            Stage::Busy
        };
        (self.forget_waker(slot), rest)
    }

    /// Puts new work in its place. To be woken: who joined while it was created.
    pub(crate) fn launch(&mut self, work: Work<V>) -> Drained {
        self.stage = Stage::Idle(work);
        self.wakers.drain()
    }

    /// A caller was polled.
    #[inline(always)]
    pub(crate) fn begin(&mut self, slot: &Slot, waker: &Waker) -> Turn<V> {
        match mem::replace(&mut self.stage, Stage::Busy) {
            Stage::Idle(work) if (self.woken || self.lone) && !self.detached => {
                self.woken = false;
                self.lone = self.waiting == 1;
                return Turn::Poll {
                    work,
                    lone: self.lone,
                };
            }
            other => self.stage = other,
        }
        if let Some(receipt) = self.receive() {
            Turn::Receive(receipt)
        } else if self.wakers.holds(slot, waker) {
            Turn::Wait
        } else {
            Turn::Register
        }
    }

    /// Registers a waker, and hands back the one it replaces.
    pub(crate) fn register(&mut self, slot: &mut Slot, waker: Waker) -> Option<Waker> {
        self.wakers.register(slot, waker)
    }

    /// A caller has polled the work, which is pending, and is registered. To be woken: the driver, the callers.
    pub(crate) fn put_back(&mut self, work: Work<V>) -> (Option<Waker>, Drained) {
        self.stage = Stage::Idle(work);
        let joined_meanwhile = self.lone && self.waiting > 1;
        let callers = if (self.woken || joined_meanwhile) && !self.detached {
            self.wakers.drain()
        } else {
            Drained::default()
        };
        (self.driver_waker.take(), callers)
    }

    /// The waker of the flight was called. To be woken: the callers.
    pub(crate) fn wake(&mut self) -> Drained {
        self.woken = true;
        match self.stage {
            Stage::Idle(_) if !self.detached => self.wakers.drain(),
            _ => Drained::default(),
        }
    }

    /// Reserves the work for a driver; false if it has one already, or if the flight is over.
    pub(crate) fn detach(&mut self) -> bool {
        if self.detached || self.is_over() {
            return false;
        }
        self.detached = true;
        self.driven = true;
        true
    }

    /// The driver asks for the work. What is left in `waker` is to be dropped.
    pub(crate) fn take_over(&mut self, waker: &mut Option<Waker>) -> Handover<V> {
        match mem::replace(&mut self.stage, Stage::Busy) {
            Stage::Idle(work) => Handover::Take(work),
            Stage::Busy => {
                mem::swap(&mut self.driver_waker, waker);
                Handover::Wait
            }
            over @ Stage::Over(_) => {
                self.stage = over;
                self.driven = false;
                Handover::Over
            }
        }
    }

    /// A caller has no use for its waker any more.
    pub(crate) fn forget_waker(&mut self, slot: &mut Slot) -> Option<Waker> {
        self.wakers.remove(slot)
    }

    /// Counts the driver out. Hands back its waker.
    pub(crate) fn part_with_driver(&mut self) -> Option<Waker> {
        self.driven = false;
        self.driver_waker.take()
    }

    /// Ends the flight, for all who wait. To be woken: the callers. The result is left if nobody waits for it.
    pub(crate) fn finish(
        &mut self,
        result: Result<V, Error>,
    ) -> (Drained, Stage<V>, Option<Result<V, Error>>) {
        let (stored, unwanted) = if self.waiting == 0 {
            (None, Some(result))
        } else {
            (Some(Stored::new(result)), None)
        };
        (
            self.wakers.drain(),
            mem::replace(&mut self.stage, Stage::Over(stored)),
            unwanted,
        )
    }

    /// Like `finish`, by a caller who polled; it is counted out and receives the result. To be woken: the driver, which
    /// may wait for the work to be put back, and the callers.
    #[inline(always)]
    pub(crate) fn finish_and_receive(
        &mut self,
        result: Result<V, Error>,
    ) -> (Option<Waker>, Drained, Receipt<V>) {
        self.waiting -= 1;
        let (stored, receipt) = if self.waiting == 0 {
            (None, Receipt::own(result, self.shared))
        } else {
            let stored = Stored::new(result);
            (Some(stored.clone()), Receipt::stored(stored, self.shared))
        };
        self.stage = Stage::Over(stored);
        (self.driver_waker.take(), self.wakers.drain(), receipt)
    }

    /// Counts out a caller with its result, which there is if the flight is over.
    #[inline(always)]
    pub(crate) fn receive(&mut self) -> Option<Receipt<V>> {
        let Stage::Over(stored) = &mut self.stage else {
            return None;
        };
        self.waiting -= 1;
        // The last one takes it, and may find itself the only owner.
        let stored = if self.waiting == 0 {
            stored.take()
        } else {
            stored.clone()
        };
        stored.map(|stored| Receipt::stored(stored, self.shared))
    }
}
