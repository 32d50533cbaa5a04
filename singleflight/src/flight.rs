//! The state machine of one flight: plain data without a lock of its own, changed under the lock of
//! its shard.
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
//! When its last caller leaves, a flight without a driver ends without a result: the same critical
//! section removes the flight and its key.
//!
//! **Who polls.** The poller takes the work out of the flight (`busy`) and puts it back afterwards,
//! so no lock is held while the work runs. Until a flight is detached, any caller may take the
//! work. If there are several callers, the poller polls the work with the flight's waker, which
//! wakes *all* callers. Waking one caller is not enough, because that caller may never poll. It may
//! be dropped, or sit in a `select!` that polls another branch, and the other callers would wait
//! for ever. `woken` keeps the herd cheap: the first caller to arrive takes the work, and the
//! others find that the work has not been woken since.
//!
//! **A lone caller** polls the work with its own waker, which saves the detour through the flight.
//! While the work holds that waker (`lone`), a wake-up does not reach the flight, so any caller may
//! poll. Either the lone caller polls, because it was woken. Or a caller that has joined polls, and
//! thereby gives the work the flight's waker.
//!
//! **No wake-up is lost.** The work may be woken while it is `busy`, by another thread or by
//! itself. Waking the callers at that time would be too early. They would find the work taken,
//! register again, and rely on the poller to come back, but the poller need not. So the flight
//! notes the wake-up in `woken`, and `put_back` wakes all callers once the work is in its place.
//! `put_back` also wakes all callers if one of them has joined while a lone caller polled.
//!
//! **Claimed.** A flight without work begins here when the first caller joins it. It counts as detached from the
//! beginning, and its landing as its driver. It stays `busy` until it is over.
//!
//! **Detached.** A driver owns the work and polls it with its own waker. If a caller polls the work
//! during the detaching, the driver leaves its waker in `driver_waker`, and `put_back` calls that
//! waker.

use std::mem;
use std::task::Waker;

use crate::Error;
use crate::receipt::{Receipt, Stored};
use crate::waker_set::{Drained, Slot, WakerSet};
use crate::work::Work;

/// One flight. Its methods run under the shard's lock, so none of them runs or drops the user's
/// code or values, wakers included. The methods return such values instead, and the caller drops
/// them without the lock.
pub(crate) struct Flight<V> {
    stage: Stage<V>,
    /// The work has to be polled: it was never polled, or the flight's waker was called since the
    /// last poll.
    woken: bool,
    /// The work was last polled with the waker of a caller that was the only one.
    lone: bool,
    /// More than one caller has taken part.
    shared: bool,
    /// A driver exists or has existed; callers only wait.
    detached: bool,
    /// A driver exists.
    driven: bool,
    /// The driver's waker, while the driver waits for a caller to put the work back.
    driver_waker: Option<Waker>,
    /// Callers that have neither received the result nor left.
    waiting: usize,
    wakers: WakerSet,
    /// Identifies the flight among all that its shard ever had. Another flight may reuse its
    /// number, but not its serial.
    pub(crate) serial: u64,
    /// The flight's waker. The shard makes it when it is first needed.
    pub(crate) waker: Option<Waker>,
}

/// Where the work is.
pub(crate) enum Stage<V> {
    /// At rest, until a caller or driver takes it.
    Idle(Work<V>),
    /// Being created or polled, or owned by the driver.
    Busy,
    /// Ended, with the result if a caller still waits for it.
    Over(Option<Stored<V>>),
}

/// The next step of a caller that was polled.
pub(crate) enum Turn<V> {
    /// Poll this work: with the caller's own waker if `lone`, else with the flight's waker.
    Poll { work: Work<V>, lone: bool },
    /// Come again with a clone of the waker, to be registered. Cloning a waker runs foreign code,
    /// which must not run under a lock. Nor is a clone needed if the work is ready.
    Register,
    /// Wait; the waker is registered.
    Wait,
    /// Take this receipt. The caller is counted out.
    Receive(Receipt<V>),
}

/// The next step of a driver that was polled.
pub(crate) enum Handover<V> {
    /// Own the work from now on.
    Take(Work<V>),
    /// Wait until the polling caller puts the work back; the driver's waker is registered.
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

    /// A flight without work that somebody has claimed, with one caller who has joined it.
    pub(crate) fn claimed(serial: u64) -> Self {
        Self {
            shared: true,
            detached: true,
            driven: true,
            ..Self::new(serial)
        }
    }

    pub(crate) fn is_over(&self) -> bool {
        matches!(self.stage, Stage::Over(_))
    }

    /// Whether no caller and no driver has a part in the flight any more.
    pub(crate) fn is_deserted(&self) -> bool {
        self.waiting == 0 && !self.driven
    }

    /// Counts a caller in.
    pub(crate) fn enter(&mut self) {
        self.waiting += 1;
        self.shared = true;
    }

    /// Counts out a caller that leaves without a result. Returns its waker, and a stage to be
    /// dropped.
    ///
    /// The last caller takes along what only callers can use: the work if the flight is not
    /// detached, or the result if the flight is over.
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

    /// Puts new work in its place. Returns the wakers of the callers that joined while it was
    /// created.
    pub(crate) fn launch(&mut self, work: Work<V>) -> Drained {
        self.stage = Stage::Idle(work);
        self.wakers.drain()
    }

    /// Begins the poll of a caller: decides its next step.
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

    /// Registers a waker, and returns the waker that it replaces.
    pub(crate) fn register(&mut self, slot: &mut Slot, waker: Waker) -> Option<Waker> {
        self.wakers.register(slot, waker)
    }

    /// Takes pending work back from a caller that has polled it and is registered. Returns the
    /// wakers to be woken: the driver's and the callers'.
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

    /// Notes a call of the flight's waker. Returns the wakers of the callers, if they are to be
    /// woken now.
    pub(crate) fn wake(&mut self) -> Drained {
        self.woken = true;
        match self.stage {
            Stage::Idle(_) if !self.detached => self.wakers.drain(),
            _ => Drained::default(),
        }
    }

    /// Reserves the work for a driver. False if the flight was detached before, or is over.
    pub(crate) fn detach(&mut self) -> bool {
        if self.detached || self.is_over() {
            return false;
        }
        self.detached = true;
        self.driven = true;
        true
    }

    /// Asks for the work on behalf of the driver. The caller drops what is left in `waker`.
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

    /// Removes the waker of a caller that needs it no more, and returns it.
    pub(crate) fn forget_waker(&mut self, slot: &mut Slot) -> Option<Waker> {
        self.wakers.remove(slot)
    }

    /// Counts the driver out, and returns its waker.
    pub(crate) fn part_with_driver(&mut self) -> Option<Waker> {
        self.driven = false;
        self.driver_waker.take()
    }

    /// Ends the flight with `result`. Returns the callers' wakers, the previous stage, and the
    /// result if no caller waits for it.
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

    /// Like `finish`, for the caller that polled the work. Counts the caller out and returns its
    /// receipt.
    ///
    /// Also returns the wakers to be woken: the callers', and that of a driver that waits for the
    /// work to be put back.
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

    /// If the flight is over, counts out a caller and returns its result.
    #[inline(always)]
    pub(crate) fn receive(&mut self) -> Option<Receipt<V>> {
        let Stage::Over(stored) = &mut self.stage else {
            return None;
        };
        self.waiting -= 1;
        // The last caller takes the stored result. If it is the only owner, it need not clone the
        // value.
        let stored = if self.waiting == 0 {
            stored.take()
        } else {
            stored.clone()
        };
        stored.map(|stored| Receipt::stored(stored, self.shared))
    }
}
