use std::sync::Arc;
use std::task::Waker;

use crate::Error;
use crate::flight::{Handover, Stage, Turn};
use crate::leftovers::Leftovers;
use crate::receipt::Receipt;
use crate::shard::Shard;
use crate::waker_set::Slot;
use crate::work::Work;

/// A caller's or a driver's part in a flight. Each method is one critical section, and `begin` is
/// at most two.
///
/// A part is given up once, and the ticket is void afterwards. A caller gives up its part by taking
/// a [`Receipt`] or by [`leave`](Self::leave). A driver gives up its part by
/// [`finish`](Self::finish), or when a handover finds the flight over.
pub(crate) struct Ticket<K, V> {
    /// Each shard has its own reference count, so that calls with different keys do not contend for
    /// one count.
    shard: Arc<Shard<K, V>>,
    hash: u64,
    number: usize,
}

// Here and below, `inline(always)` marks the functions on the path of an uncontended call. A result
// passes through many of them on its way to the caller. Without inlining, copying the wrappers
// costs a fifth of such a call.

/// The next step of a caller.
pub(crate) enum Step<V> {
    /// Poll the work, with this waker, or with the caller's own waker if there is none.
    Poll(Work<V>, Option<Waker>),
    /// Wait; the caller's waker is registered.
    Wait,
    /// Take this receipt; the caller's part is given up.
    Receive(Receipt<V>),
}

impl<K, V> Ticket<K, V> {
    pub(crate) fn new(shard: &Arc<Shard<K, V>>, hash: u64, number: usize) -> Self {
        Self {
            shard: Arc::clone(shard),
            hash,
            number,
        }
    }

    /// Puts new work in its place, and wakes the callers that joined while it was created.
    pub(crate) fn launch(&self, work: Work<V>) {
        let callers = self.shard.board.lock().flight(self.number).launch(work);
        callers.wake();
    }

    /// Begins the poll of a caller: decides its next step, and registers its waker if the step is
    /// to wait.
    #[inline(always)]
    pub(crate) fn begin(&self, slot: &mut Slot, waker: &Waker) -> Step<V>
    where
        K: Send + 'static,
        V: Send + 'static,
    {
        let mut clone = None;
        loop {
            let mut board = self.shard.board.lock();
            match board.flight(self.number).begin(slot, waker) {
                Turn::Poll { work, lone } => {
                    let waker = (!lone).then(|| self.shard.waker(&mut board, self.number));
                    return Step::Poll(work, waker);
                }
                Turn::Receive(receipt) => {
                    board.remove_if_deserted(self.number);
                    return Step::Receive(receipt);
                }
                Turn::Wait => return Step::Wait,
                Turn::Register => {}
            }
            if let Some(clone) = clone.take() {
                let replaced = board.flight(self.number).register(slot, clone);
                drop(board);
                drop(replaced);
                return Step::Wait;
            }
            drop(board);
            clone = Some(waker.clone());
        }
    }

    /// Takes pending work back from a caller that has polled it. Returns a receipt only if the
    /// driver has been dropped meanwhile.
    pub(crate) fn put_back(
        &self,
        work: Work<V>,
        slot: &mut Slot,
        waker: &Waker,
        leftovers: &mut Leftovers<K, V>,
    ) -> Option<Receipt<V>> {
        let clone = waker.clone();
        let mut board = self.shard.board.lock();
        let flight = board.flight(self.number);
        if let Some(receipt) = flight.receive() {
            leftovers.waker = flight.forget_waker(slot);
            leftovers.stage = Stage::Idle(work);
            board.remove_if_deserted(self.number);
            drop(board);
            drop(clone);
            return Some(receipt);
        }
        leftovers.waker = flight.register(slot, clone);
        (leftovers.driver, leftovers.callers) = flight.put_back(work);
        None
    }

    /// Ends the flight with the result of the work that a caller polled, and gives up the caller's
    /// part.
    #[inline(always)]
    pub(crate) fn finish_and_receive(
        &self,
        result: Result<V, Error>,
        slot: &mut Slot,
        leftovers: &mut Leftovers<K, V>,
    ) -> Receipt<V> {
        let mut board = self.shard.board.lock();
        let flight = board.flight(self.number);
        leftovers.waker = flight.forget_waker(slot);
        let receipt = match flight.receive() {
            Some(receipt) => {
                // The driver has been dropped meanwhile, and that error is the flight's result.
                leftovers.result = Some(result);
                receipt
            }
            None => {
                let receipt;
                (leftovers.driver, leftovers.callers, receipt) = flight.finish_and_receive(result);
                leftovers.key = board.free_key(self.hash, self.number);
                receipt
            }
        };
        board.remove_if_deserted(self.number);
        receipt
    }

    /// Ends the flight with `result`, unless the flight is over already. Called if the work could
    /// not be created, if it has ended in its driver, or if the driver is dropped.
    fn finish(&self, result: Result<V, Error>, is_driver: bool) -> Leftovers<K, V> {
        let mut leftovers = Leftovers::default();
        let mut board = self.shard.board.lock();
        let flight = board.flight(self.number);
        if is_driver {
            leftovers.waker = flight.part_with_driver();
        }
        if flight.is_over() {
            leftovers.result = Some(result);
        } else {
            (leftovers.callers, leftovers.stage, leftovers.result) = flight.finish(result);
            leftovers.key = board.free_key(self.hash, self.number);
        }
        board.remove_if_deserted(self.number);
        leftovers
    }

    /// Ends a flight whose work could not be created. The caller keeps its part and still has to
    /// receive the error.
    pub(crate) fn fail(&self, error: Error) -> Leftovers<K, V> {
        self.finish(Err(error), false)
    }

    /// Ends the flight, and gives up the driver's part in it.
    pub(crate) fn finish_as_driver(&self, result: Result<V, Error>) -> Leftovers<K, V> {
        self.finish(result, true)
    }

    /// Gives up the part of a caller that leaves without a result. The last caller of a flight
    /// without a driver takes the work and the key along.
    pub(crate) fn leave(&self, slot: &mut Slot) -> Leftovers<K, V> {
        let mut board = self.shard.board.lock();
        let (waker, stage) = board.flight(self.number).leave(slot);
        let over = board.remove_if_deserted(self.number);
        let key = if over {
            board.free_key(self.hash, self.number)
        } else {
            None
        };
        Leftovers {
            waker,
            stage,
            key,
            ..Leftovers::default()
        }
    }

    /// Detaches the flight and returns the driver's ticket. `None` if the flight was detached
    /// before, or is over.
    pub(crate) fn detach(&self) -> Option<Self> {
        let detached = self.shard.board.lock().flight(self.number).detach();
        detached.then(|| Self::new(&self.shard, self.hash, self.number))
    }

    /// Asks for the work on behalf of the driver. The caller drops the returned waker.
    pub(crate) fn take_over(&self, waker: &Waker) -> (Handover<V>, Option<Waker>) {
        let mut waker = Some(waker.clone());
        let mut board = self.shard.board.lock();
        let handover = board.flight(self.number).take_over(&mut waker);
        board.remove_if_deserted(self.number);
        (handover, waker)
    }
}
