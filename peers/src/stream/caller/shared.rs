use std::error::Error as StdError;
use std::pin::pin;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use tokio::sync::{Notify, oneshot};

use super::slots::Slots;
use crate::Error;
use crate::http::client::Lane;
use crate::stream::frame::PING;
use crate::stream::queue::Queue;

/// The most bytes of short calls, and of long ones, that wait to be written on a connection; one more call
/// may go beyond.
const MAX_UNSENT: usize = 4 << 20;

/// What the callers and the driver share.
#[derive(Debug)]
pub(super) struct Shared {
    /// The peer, for errors.
    peer: Arc<str>,
    state: Mutex<State>,
    /// Wakes callers that found the connection full.
    room: Notify,
    /// The most calls under way.
    max_calls: usize,
    /// The longest message that the peer takes.
    max_message: u64,
    /// The milliseconds that a caller waits.
    time: u32,
}

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) slots: Slots,
    pub(super) queue: Queue,
    /// Calls that nobody waits for any more.
    pub(super) cancels: Vec<u32>,
    /// The bytes of small messages that the driver has taken and not written.
    pub(super) taken_small: usize,
    /// The same of long ones.
    pub(super) taken_large: usize,
    /// Wakes the driver, if it sleeps until there is something to write.
    pub(super) driver: Option<Waker>,
    /// Liveness checks that wait for their answer.
    pub(super) pings: Vec<(u32, oneshot::Sender<()>)>,
    last_ping: u32,
    /// The number of eighths of the time-out that have passed with calls under way.
    pub(super) ticks: u32,
    /// Callers that wait for room.
    waiting: usize,
    /// The other side takes no more calls.
    pub(super) is_draining: bool,
    /// The connection has been given up by its owner.
    pub(super) is_closing: bool,
    /// Why the connection has ended.
    end: Option<Error>,
}

/// Why a call was not sent.
#[derive(Debug)]
pub(super) enum Unsent {
    /// The connection takes no more calls at the moment.
    Full,
    /// The connection has ended, or is about to.
    Closed,
}

impl Shared {
    pub(super) fn new(peer: Arc<str>, max_calls: usize, max_message: u64, time: Duration) -> Self {
        Self {
            peer,
            state: Mutex::default(),
            room: Notify::new(),
            max_calls,
            max_message,
            time: u32::try_from(time.as_millis()).unwrap_or(u32::MAX),
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    pub(super) fn peer(&self) -> &str {
        &self.peer
    }

    /// The error of a connection that has ended for this reason.
    pub(super) fn lost(&self, why: impl Into<Box<dyn StdError + Send + Sync>>) -> Error {
        Error::disconnected(self.peer(), why)
    }

    pub(super) fn time(&self) -> u32 {
        self.time
    }

    /// The most calls of a lane. A sixteenth is kept for those that wait for no load.
    pub(super) fn limit(&self, lane: Lane) -> usize {
        match lane {
            Lane::Loads => self.max_calls - self.max_calls / 16,
            Lane::Quick => self.max_calls,
        }
    }

    /// Refuses a message that the peer would refuse.
    pub(super) fn check(&self, length: usize) -> Result<(), Error> {
        let (size, limit) = (length as u64, self.max_message);
        if size <= limit {
            return Ok(());
        }
        Err(Error::too_large("a request to a peer", size, limit))
    }

    /// Waits until there may be room for another call.
    pub(super) async fn room(&self, lane: Lane, is_long: bool) {
        let mut notified = pin!(self.room.notified());
        loop {
            // Registered before the look, so that no wake-up is lost.
            notified.as_mut().enable();
            {
                let mut state = self.lock();
                let limit = self.limit(lane);
                if !matches!(state.admit(limit, is_long), Err(Unsent::Full)) {
                    return;
                }
                state.waiting += 1;
            }
            let _waiting = Waiting(self);
            notified.as_mut().await;
            notified.set(self.room.notified());
        }
    }

    /// Wakes callers that wait for room, if there are any and there may be some.
    pub(super) fn announce_room(&self, state: &State) {
        if state.waiting > 0 {
            self.room.notify_waiters();
        }
    }

    /// Ends the connection: every call on it fails with a copy of `error`.
    pub(super) fn end(&self, error: Error) {
        let mut state = self.state.lock();
        if state.end.is_some() {
            return;
        }
        state.end = Some(error);
        state.wake_driver();
        state.queue = Queue::default();
        let callers: Vec<Waker> = state.slots.waiting().cloned().collect();
        let pings = std::mem::take(&mut state.pings);
        drop(state);
        drop(pings);
        callers.into_iter().for_each(Waker::wake);
        self.room.notify_waiters();
    }
}

impl State {
    /// Whether another call may be sent when `limit` may be under way. Short calls do not wait for long ones.
    pub(super) fn admit(&self, limit: usize, is_long: bool) -> Result<(), Unsent> {
        if self.end.is_some() || self.is_draining || self.is_closing {
            return Err(Unsent::Closed);
        }
        let unsent = match is_long {
            true => self.queue.large_bytes() + self.taken_large,
            false => self.queue.small_bytes() + self.taken_small,
        };
        if self.slots.in_use() >= limit || unsent > MAX_UNSENT {
            return Err(Unsent::Full);
        }
        Ok(())
    }

    /// Has the driver look at what there is to write.
    pub(super) fn wake_driver(&mut self) {
        if let Some(driver) = self.driver.take() {
            driver.wake();
        }
    }

    /// Sends a liveness check. The channel closes without a word when the connection ends.
    pub(super) fn ping(&mut self) -> oneshot::Receiver<()> {
        let (sender, pong) = oneshot::channel();
        self.last_ping = self.last_ping.wrapping_add(1);
        self.pings.push((self.last_ping, sender));
        self.queue.push_control(PING, self.last_ping, &[]);
        self.wake_driver();
        pong
    }

    /// Why the connection has ended; `None` as long as it has not.
    pub(super) fn end(&self) -> Option<Error> {
        self.end.as_ref().map(Error::copy)
    }

    pub(super) fn has_ended(&self) -> bool {
        self.end.is_some()
    }
}

/// A caller that waits for room.
struct Waiting<'a>(&'a Shared);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.state.lock().waiting -= 1;
    }
}
