use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::leftovers::Leftovers;
use crate::ticket::{Step, Ticket};
use crate::waker_set::Slot;
use crate::work::{self, Polled};
use crate::{Driver, Error, Outcome};

/// One caller's part in a flight: a future of the flight's result.
/// [`Group::join`](crate::Group::join) makes it.
///
/// A call does not borrow the group, so the group may be dropped before the call.
///
/// # Cancel safety
///
/// Dropping a call at any time affects no other caller. Dropping the last call of a flight that is
/// not detached drops the work and frees the key.
///
/// # Panics
///
/// Polling a call panics if the call was ready before, or if `V::clone` panics. Neither affects the
/// other callers.
#[must_use = "the work goes on only while its callers are polled, unless it is detached"]
pub struct Call<K, V> {
    /// `None` once the call has returned the result.
    ticket: Option<Ticket<K, V>>,
    slot: Slot,
    first: bool,
}

impl<K, V> Call<K, V> {
    pub(crate) fn new(ticket: Ticket<K, V>, first: bool) -> Self {
        Self {
            ticket: Some(ticket),
            slot: Slot::default(),
            first,
        }
    }

    /// Creates the work and gives it to the flight. A panic of `work` ends the flight with an
    /// error.
    pub(crate) fn launch<F, Fut>(&self, work: F)
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = V> + Send + 'static,
    {
        let Some(ticket) = &self.ticket else { return };
        match work::create(work) {
            Ok(work) => ticket.launch(work),
            Err(error) => ticket.fail(error).settle(),
        }
    }

    /// Whether this call started the flight.
    pub fn is_first(&self) -> bool {
        self.first
    }

    /// Takes the work out of the flight, so that a runtime can drive it: `tokio::spawn(driver)`.
    ///
    /// From then on the work runs to its end even if every caller goes away, and later callers
    /// still join the flight. Progress wakes only the driver's task. The callers are woken once, at
    /// the end.
    ///
    /// Returns `Some` once, to the first caller of a flight that is not over, whether or not the
    /// work has been polled.
    pub fn detach(&mut self) -> Option<Driver<K, V>> {
        let ticket = self.ticket.as_ref().filter(|_| self.first)?;
        ticket.detach().map(Driver::new)
    }
}

impl<K: Send + 'static, V: Clone + Send + 'static> Future for Call<K, V> {
    type Output = Result<Outcome<V>, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let slot = &mut this.slot;
        let ticket = this
            .ticket
            .as_ref()
            .expect("a call must not be polled after it was ready");

        let mut leftovers = Leftovers::default();
        let receipt = match ticket.begin(slot, cx.waker()) {
            Step::Wait => None,
            Step::Receive(receipt) => Some(receipt),
            Step::Poll(work, waker) => {
                let waker = waker.as_ref().unwrap_or(cx.waker());
                match work::poll(work, &mut Context::from_waker(waker)) {
                    Polled::Pending(work) => {
                        ticket.put_back(work, slot, cx.waker(), &mut leftovers)
                    }
                    Polled::Ended(result) => {
                        Some(ticket.finish_and_receive(result, slot, &mut leftovers))
                    }
                }
            }
        };
        let Some(receipt) = receipt else {
            leftovers.settle();
            return Poll::Pending;
        };

        // A waker, a destructor or `clone` may panic. All state is consistent from here on, so a
        // panic does no harm.
        this.ticket = None;
        leftovers.settle();
        Poll::Ready(receipt.open())
    }
}

impl<K, V> Drop for Call<K, V> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            ticket.leave(&mut self.slot).settle();
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
