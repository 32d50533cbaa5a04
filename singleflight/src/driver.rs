use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::Error;
use crate::flight::Handover;
use crate::leftovers::Leftovers;
use crate::ticket::Ticket;
use crate::work::{self, Polled, Work};

/// The work of a detached flight, to be spawned on a runtime. [`Call::detach`](crate::Call::detach)
/// makes it.
///
/// A driver is ready when the work has ended and the flight has the result. If the work panics, the
/// poll of the driver does not: the panic is the flight's result.
///
/// # Cancel safety
///
/// Dropping a driver before it is ready ends the flight. The work is dropped, the key is free, and
/// all waiting callers receive an error with [`Error::is_abandoned`].
#[must_use = "dropping a driver abandons the flight"]
pub struct Driver<K, V> {
    /// `None` once the flight is over.
    ticket: Option<Ticket<K, V>>,
    /// `None` before the first poll. It stays `None` if a caller polls the work during the
    /// detaching, until that caller puts the work back.
    work: Option<Work<V>>,
}

impl<K, V> Driver<K, V> {
    pub(crate) fn new(ticket: Ticket<K, V>) -> Self {
        Self {
            ticket: Some(ticket),
            work: None,
        }
    }
}

impl<K, V> Future for Driver<K, V> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        let Some(ticket) = &this.ticket else {
            return Poll::Ready(());
        };
        let handover = match this.work.take() {
            Some(work) => Handover::Take(work),
            None => {
                let (handover, _waker) = ticket.take_over(cx.waker());
                handover
            }
        };
        let mut leftovers = match handover {
            Handover::Wait => return Poll::Pending,
            Handover::Over => Leftovers::default(),
            Handover::Take(work) => match work::poll(work, cx) {
                Polled::Pending(work) => {
                    this.work = Some(work);
                    return Poll::Pending;
                }
                Polled::Ended(result) => ticket.finish_as_driver(result),
            },
        };
        this.ticket = None;
        leftovers.settle();
        Poll::Ready(())
    }
}

impl<K, V> Drop for Driver<K, V> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            ticket.finish_as_driver(Err(Error::abandoned())).settle();
        }
    }
}

impl<K, V> fmt::Debug for Driver<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Driver")
            .field("ready", &self.ticket.is_none())
            .finish_non_exhaustive()
    }
}
