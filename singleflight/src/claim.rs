use std::fmt;

use crate::ticket::Ticket;
use crate::{Call, Error};

/// What [`Group::claim`](crate::Group::claim) found: a flight to join, or none, which makes the caller
/// bring the result.
#[derive(Debug)]
pub enum Claim<K, V> {
    /// The key had no flight. This one ends with the result that the caller brings.
    Mine(Landing<K, V>),
    /// Another caller's flight.
    Joined(Call<K, V>),
}

/// The right, and the duty, to end a flight with a result. [`Group::claim`](crate::Group::claim) makes it.
///
/// Dropping a landing ends the flight too: all waiting callers receive an error with
/// [`Error::is_abandoned`].
#[must_use = "dropping a landing abandons the flight"]
pub struct Landing<K, V> {
    /// `None` once the flight is over.
    ticket: Option<Ticket<K, V>>,
}

impl<K, V> Landing<K, V> {
    pub(crate) fn new(ticket: Ticket<K, V>) -> Self {
        Self {
            ticket: Some(ticket),
        }
    }

    /// Ends the flight with this result, which all waiting callers receive.
    pub fn land(mut self, value: V) {
        if let Some(ticket) = self.ticket.take() {
            ticket.finish_as_driver(Ok(value)).settle();
        }
    }
}

impl<K, V> Drop for Landing<K, V> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            ticket.finish_as_driver(Err(Error::abandoned())).settle();
        }
    }
}

impl<K, V> fmt::Debug for Landing<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Landing").finish_non_exhaustive()
    }
}
