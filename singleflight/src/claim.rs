use std::fmt;
use std::sync::Arc;

use crate::shard::{Landed, Shard};
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
    shard: Arc<Shard<K, V>>,
    hash: u64,
    serial: u64,
    state: State,
}

/// Where a landing's flight is.
#[derive(Clone, Copy)]
enum State {
    /// Its key leads to it, unless the group was told to forget the key.
    Listed,
    /// Its key does not, and it has this number if callers have joined it.
    Forgotten(Option<usize>),
    Over,
}

impl<K, V> Landing<K, V> {
    pub(crate) fn new(shard: &Arc<Shard<K, V>>, hash: u64, serial: u64) -> Self {
        Self {
            shard: Arc::clone(shard),
            hash,
            serial,
            state: State::Listed,
        }
    }

    /// Makes the key's next caller begin a new flight. Those who have joined this one still get its result.
    ///
    /// Unlike [`Group::forget`](crate::Group::forget), this leaves a newer flight of the key alone.
    pub fn forget(&mut self) {
        if let State::Listed = self.state {
            let withdrawn = self.shard.board.lock().withdraw(self.hash, self.serial);
            if let Some((_key, number)) = withdrawn {
                self.state = State::Forgotten(number);
            }
        }
    }

    /// Ends the flight with this result, which all waiting callers receive.
    pub fn land(self, value: V) {
        self.land_with(|| value);
    }

    /// Ends the flight with the result of `value`, which is called only if a caller has joined: where nobody has, no
    /// result need be made for them.
    ///
    /// A panic in `value` abandons the flight, and goes on.
    pub fn land_with(mut self, value: impl FnOnce() -> V) {
        if let Some(ticket) = self.joined() {
            let value = value();
            self.state = State::Over;
            ticket.finish_as_driver(Ok(value)).settle();
        }
    }

    /// Ends the flight if nobody has joined it. Returns the driver's part in it otherwise.
    fn joined(&mut self) -> Option<Ticket<K, V>> {
        let number = match self.state {
            State::Over => None,
            State::Forgotten(number) => number,
            State::Listed => match self.shard.board.lock().land(self.hash, self.serial) {
                // The key is dropped without the lock.
                Landed::Unwanted(_key) => None,
                Landed::Shared(number) => Some(number),
            },
        };
        if number.is_none() {
            self.state = State::Over;
        }
        Some(Ticket::new(&self.shard, self.hash, number?))
    }
}

impl<K, V> Drop for Landing<K, V> {
    fn drop(&mut self) {
        if let Some(ticket) = self.joined() {
            ticket.finish_as_driver(Err(Error::abandoned())).settle();
        }
    }
}

impl<K, V> fmt::Debug for Landing<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Landing").finish_non_exhaustive()
    }
}
