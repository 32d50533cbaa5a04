use std::sync::Arc;
use std::task::Waker;

use crate::Error;
use crate::flight::{Handover, Stage, Turn};
use crate::leftovers::Leftovers;
use crate::receipt::Receipt;
use crate::shard::Shard;
use crate::waker_set::Slot;
use crate::work::Work;

/// A caller's or a driver's part in a flight. Each method is one critical section, `begin` at most two.
///
/// A part is given up once, and the ticket is void after that: a caller's by a [`Receipt`] or [`leave`](Self::leave), a
/// driver's by [`finish`](Self::finish) or a handover that finds the flight over.
pub(crate) struct Ticket<K, V> {
    /// Each shard is shared on its own, so that calls with different keys do not count references in one place.
    shard: Arc<Shard<K, V>>,
    hash: u64,
    number: usize,
}

// Here and further down, `inline(always)` marks what an uncontended call passes through. A result goes from hand to hand
// on its way to the caller; without it, copying the wrappers costs a fifth of such a call.

/// What a caller is to do next.
pub(crate) enum Step<V> {
    /// Poll the work, with this waker, or with its own if there is none.
    Poll(Work<V>, Option<Waker>),
    /// Wait; its waker is registered.
    Wait,
    /// Take this; its part is given up.
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

    /// Puts the new work in its place.
    pub(crate) fn launch(&self, work: Work<V>) {
        let callers = self.shard.board.lock().flight(self.number).launch(work);
        callers.wake();
    }

    /// A caller was polled.
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

    /// A caller has polled the work, which is pending. A receipt only if a driver has been dropped meanwhile.
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

    /// The work that a caller polled has ended.
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
                // A driver has been dropped meanwhile, and everybody has been told so.
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

    /// The work could not be created, or it has ended with its driver, or its driver goes away. If the flight is not
    /// over already, this is the result.
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

    /// Ends a flight whose work could not be created. The caller still has to receive the error.
    pub(crate) fn fail(&self, error: Error) -> Leftovers<K, V> {
        self.finish(Err(error), false)
    }

    /// Ends the flight, and the driver's part in it.
    pub(crate) fn finish_as_driver(&self, result: Result<V, Error>) -> Leftovers<K, V> {
        self.finish(result, true)
    }

    /// A caller goes away without a result. If it was the last one and there is no driver, work and key go with it.
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

    /// Makes a driver's ticket of the caller's, if the flight is not over and has no driver yet.
    pub(crate) fn detach(&self) -> Option<Self> {
        let detached = self.shard.board.lock().flight(self.number).detach();
        detached.then(|| Self::new(&self.shard, self.hash, self.number))
    }

    /// The driver asks for the work. The waker is to be dropped.
    pub(crate) fn take_over(&self, waker: &Waker) -> (Handover<V>, Option<Waker>) {
        let mut waker = Some(waker.clone());
        let mut board = self.shard.board.lock();
        let handover = board.flight(self.number).take_over(&mut waker);
        board.remove_if_deserted(self.number);
        (handover, waker)
    }
}
