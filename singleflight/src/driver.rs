use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::Error;
use crate::flight::Turn;
use crate::ticket::Ticket;
use crate::work::{self, Polled, Work};

/// The work of a detached flight, to be spawned on a runtime. Made by [`Call::detach`](crate::Call::detach).
///
/// Ready when the work has ended and its result is with the flight. Never panics on account of the work.
///
/// # Cancel safety
///
/// Dropping a driver before it is ready ends the flight: the work is dropped, the key is free, and whoever waits
/// receives an error with [`Error::is_abandoned`].
#[must_use = "dropping a driver abandons the flight"]
pub struct Driver<K, V> {
    /// `None` once the flight is over.
    ticket: Option<Ticket<K, V>>,
    /// `None` before the first poll, and as long as a caller that polled the work when it was detached still does.
    work: Option<Work<V>>,
}

impl<K, V> Driver<K, V> {
    pub(crate) fn new(ticket: Ticket<K, V>) -> Self {
        Self { ticket: Some(ticket), work: None }
    }
}

impl<K, V> Future for Driver<K, V> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        let Some(ticket) = &this.ticket else { return Poll::Ready(()) };
        let turn = match this.work.take() {
            Some(work) => Turn::Poll(work),
            None => ticket.flight.take_over(cx.waker()),
        };
        match turn {
            Turn::Poll(work) => match work::poll(work, cx) {
                Polled::Pending(work) => {
                    this.work = Some(work);
                    return Poll::Pending;
                }
                Polled::Ended(result) => {
                    ticket.finish(result, None);
                }
            },
            Turn::Wait => return Poll::Pending,
            Turn::Receive => {}
        }
        this.ticket = None;
        Poll::Ready(())
    }
}

impl<K, V> Drop for Driver<K, V> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            ticket.finish(Err(Error::abandoned()), None);
        }
    }
}

impl<K, V> fmt::Debug for Driver<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Driver").field("ready", &self.ticket.is_none()).finish_non_exhaustive()
    }
}
