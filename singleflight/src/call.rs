use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use crate::flight::Turn;
use crate::ticket::Ticket;
use crate::waker_set::Slot;
use crate::work::{self, Polled};
use crate::{Driver, Error, Outcome};

/// One caller's part in a flight: a future of its result. Made by [`Group::join`](crate::Group::join).
///
/// Does not borrow the group, which may be dropped before.
///
/// # Cancel safety
///
/// Dropping a call at any time affects no other caller. If it was the last one of a flight that is not detached, the
/// work is dropped with it and the key is free.
///
/// # Panics
///
/// Polling a call again after it was ready panics. So does polling one if `V::clone` panics; the other callers are
/// unaffected.
#[must_use = "the work goes on only while its callers are polled, unless it is detached"]
pub struct Call<K, V> {
    /// `None` once the result is out.
    ticket: Option<Ticket<K, V>>,
    slot: Slot,
    first: bool,
}

impl<K, V> Call<K, V> {
    pub(crate) fn new(ticket: Ticket<K, V>, first: bool) -> Self {
        Self { ticket: Some(ticket), slot: Slot::default(), first }
    }

    /// Whether this call started the flight.
    pub fn is_first(&self) -> bool {
        self.first
    }

    /// Takes the work out of the flight, so that a runtime can drive it: `tokio::spawn(driver)`.
    ///
    /// From then on the work goes on to its end even if every caller goes away, and callers that come later still
    /// join it. Only the task of the driver is woken for progress; callers are woken once, at the end.
    ///
    /// `Some` for the first caller of a flight that is not over, once, and no matter whether the work has been polled.
    pub fn detach(&mut self) -> Option<Driver<K, V>> {
        let ticket = self.ticket.as_ref().filter(|_| self.first)?;
        ticket.flight.detach().then(|| Driver::new(ticket.clone()))
    }
}

impl<K, V: Clone + Send + 'static> Future for Call<K, V> {
    type Output = Result<Outcome<V>, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let ticket = this.ticket.as_ref().expect("a call must not be polled after it was ready");
        let slot = &mut this.slot;
        let flight = &ticket.flight;

        let mut turn = flight.begin(slot, cx.waker());
        if let Turn::Poll(work) = turn {
            turn = match work::poll(work, &mut Context::from_waker(&Waker::from(Arc::clone(flight)))) {
                Polled::Pending(work) => match flight.put_back(work, slot, cx.waker()) {
                    None => Turn::Wait,
                    Some(abandoned) => {
                        work::discard(abandoned);
                        Turn::Receive
                    }
                },
                Polled::Ended(result) => match ticket.finish(result, Some(slot)) {
                    None => Turn::Receive,
                    Some(result) => {
                        this.ticket = None;
                        return Poll::Ready(result);
                    }
                },
            };
        }
        match turn {
            Turn::Receive => {
                let result = flight.receive();
                this.ticket = None;
                Poll::Ready(result)
            }
            Turn::Wait | Turn::Poll(_) => Poll::Pending,
        }
    }
}

impl<K, V> Drop for Call<K, V> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take()
            && let Some(work) = ticket.flight.leave(&mut self.slot)
        {
            let _entry = ticket.free_key();
            drop(work);
        }
    }
}

impl<K, V> fmt::Debug for Call<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("first", &self.first)
            .field("ready", &self.ticket.is_none())
            .finish_non_exhaustive()
    }
}
