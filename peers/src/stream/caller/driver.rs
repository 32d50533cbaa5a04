use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, Sleep, sleep};

use super::shared::Shared;
use super::slots::Answer;
use crate::Error;
use crate::stream::frame::{self, Header};
use crate::stream::inbox::{Event, Inbox};
use crate::stream::outbox::{Outbox, Withdrawn};

/// A time-out is looked at so many times: it may take an eighth longer.
const TICKS: u32 = 8;

/// Moves the frames of a connection until it ends: the only task of a connection.
///
/// It writes what has gathered in the queue in one go, and completes in one go what a read has
/// brought. While other callers are about to ask, it lets them go first once, so that their requests
/// leave in one write.
pub(super) struct Driver<T> {
    io: T,
    inbox: Inbox,
    outbox: Outbox,
    shared: Arc<Shared>,
    times: Times,
    timer: Pin<Box<Sleep>>,
    /// What the timer waits for.
    waits_for: Timer,
    /// Whether the callers were let go first since the last write.
    has_yielded: bool,
    /// How many callers the last read has woken.
    woken: usize,
    ended: Vec<(u32, Option<Answer>)>,
    refused: Vec<(u32, u64)>,
    callers: Vec<Waker>,
}

/// The times of a connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    /// How long a caller waits for an answer.
    pub(super) call: Duration,
    /// How long a connection is kept without calls.
    pub(super) idle: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Timer {
    /// The next tick of the time-outs of calls.
    Tick,
    /// The end of an idle connection.
    Idle,
}

impl<T: AsyncRead + AsyncWrite + Unpin> Driver<T> {
    pub(super) fn new(io: T, inbox: Inbox, shared: Arc<Shared>, times: Times) -> Self {
        Self {
            io,
            inbox,
            outbox: Outbox::default(),
            shared,
            times,
            timer: Box::pin(sleep(times.idle)),
            waits_for: Timer::Idle,
            has_yielded: false,
            woken: 0,
            ended: Vec::new(),
            refused: Vec::new(),
            callers: Vec::new(),
        }
    }

    /// Moves what can be moved. Ends with the reason why the connection cannot go on.
    fn drive(&mut self, cx: &mut Context<'_>) -> Poll<Error> {
        // Frames may have come together with the greeting.
        if let Err(error) = self.receive() {
            return Poll::Ready(error);
        }
        loop {
            let read = match self.inbox.poll_read(cx, &mut self.io) {
                Poll::Ready(Ok(0)) => return Poll::Ready(self.shared.lost("the peer closed it")),
                Poll::Ready(Err(error)) => return Poll::Ready(self.shared.lost(error)),
                read => read,
            };
            if read.is_ready()
                && let Err(error) = self.receive()
            {
                return Poll::Ready(error);
            }
            if read.is_ready() && self.lets_callers_go_first(cx) {
                break;
            }
            if let Err(error) = self.write(cx) {
                return Poll::Ready(error);
            }
            if read.is_pending() {
                break;
            }
        }
        self.poll_timer(cx)
    }

    /// Lets the callers run that a read has woken. They are most likely to ask again, and they must not wait
    /// until a large answer has come.
    fn lets_callers_go_first(&mut self, cx: &mut Context<'_>) -> bool {
        let woken = std::mem::take(&mut self.woken);
        let are_many = woken > 1 || (woken > 0 && self.inbox.is_in_the_middle());
        let lets = are_many && !self.has_yielded;
        if lets {
            self.has_yielded = true;
            cx.waker().wake_by_ref();
        }
        lets
    }

    /// Handles all frames that a read has brought. What came before a broken one counts.
    fn receive(&mut self) -> Result<(), Error> {
        let received = self.receive_frames();
        self.complete().and(received)
    }

    fn receive_frames(&mut self) -> Result<(), Error> {
        while let Some(event) = self.inbox.next()? {
            match event {
                Event::Message(Header { id, kind, .. }, message) => {
                    let message = message.into_bytes();
                    self.ended.push((id, Some(Answer { kind, message })));
                }
                Event::TooLong(header, length) => self.refused.push((header.id, length)),
                Event::Skipped(header) => self.ended.push((header.id, None)),
                Event::Control(header, payload) => match header.kind {
                    frame::CANCELLED => {
                        self.inbox.withdraw(header.id);
                        self.ended.push((header.id, None));
                    }
                    frame::GRANT => self.outbox.grant(header.id, frame::granted(payload)?),
                    frame::PONG => self.answered(header.id),
                    frame::GOAWAY => self.shared.lock().is_draining = true,
                    _ => {
                        let kind = header.kind;
                        let text = format!("a frame of kind {kind}, which a server never sends");
                        return Err(Error::malformed(text));
                    }
                },
            }
        }
        Ok(())
    }

    /// Hands the answers to their callers, under one lock.
    fn complete(&mut self) -> Result<(), Error> {
        if self.ended.is_empty() && self.refused.is_empty() {
            return Ok(());
        }
        let mut state = self.shared.lock();
        let now = state.ticks;
        for (id, length) in self.refused.drain(..) {
            let limit = self.inbox.max_message();
            let error = Error::too_large("a peer's answer", length, limit);
            if let Some(caller) = state.slots.fail(id, error, now) {
                state.cancels.push(id);
                self.callers.push(caller);
            }
        }
        let mut fault = None;
        for (id, answer) in self.ended.drain(..) {
            // The id may belong to another call before the cancellations are written.
            state.cancels.retain(|cancelled| *cancelled != id);
            // An answer may come before its call is sent as a whole. The rest is not wanted then.
            if self.outbox.withdraw(id) != Withdrawn::Absent {
                state.queue.push_control(frame::CANCEL, id, &[]);
            }
            match state.slots.end(id, answer) {
                Ok(caller) => self.callers.extend(caller),
                Err(error) => fault = Some(error),
            }
        }
        self.shared.announce_room(&state);
        drop(state);
        self.woken = self.callers.len();
        self.callers.drain(..).for_each(Waker::wake);
        fault.map_or(Ok(()), Err)
    }

    /// Writes what there is, unless other callers are to go first.
    fn write(&mut self, cx: &mut Context<'_>) -> Result<(), Error> {
        loop {
            let grants = self.inbox.take_grants(cx);
            {
                let mut state = self.shared.lock();
                if let Some(error) = state.end() {
                    return Err(error);
                }
                for (id, bytes) in grants {
                    state.queue.push_grant(id, bytes);
                }
                let is_waiting = !(state.queue.is_empty() && state.cancels.is_empty());
                if is_waiting && !self.has_yielded && state.slots.in_use() > 1 {
                    self.has_yielded = true;
                    cx.waker().wake_by_ref();
                    return Ok(());
                }
                self.has_yielded = false;
                for id in std::mem::take(&mut state.cancels) {
                    if state.queue.withdraw(id) {
                        state.slots.withdrawn(id);
                        continue;
                    }
                    match self.outbox.withdraw(id) {
                        Withdrawn::Whole => state.slots.withdrawn(id),
                        Withdrawn::Part | Withdrawn::Absent => {
                            self.inbox.refuse(id);
                            state.queue.push_control(frame::CANCEL, id, &[]);
                        }
                    }
                }
                self.outbox.take(&mut state.queue);
                state.taken_small = self.outbox.small_bytes();
                state.taken_large = self.outbox.large_bytes();
                self.shared.announce_room(&state);
                if self.outbox.is_idle() {
                    if state.is_closing || (state.is_draining && state.slots.in_use() == 0) {
                        return Err(self.shared.lost("it was closed"));
                    }
                    state.driver = Some(cx.waker().clone());
                    return Ok(());
                }
            }
            self.keep_time();
            match self.outbox.poll_write(cx, &mut self.io) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(error)) => return Err(self.shared.lost(error)),
                Poll::Pending => return Ok(()),
            }
        }
    }

    /// Has the timer tick from now on: there are calls.
    fn keep_time(&mut self) {
        if self.waits_for == Timer::Idle {
            self.set_timer(Timer::Tick);
        }
    }

    fn set_timer(&mut self, timer: Timer) {
        self.waits_for = timer;
        let length = match timer {
            Timer::Tick => self.times.call / TICKS,
            Timer::Idle => self.times.idle,
        };
        self.timer.as_mut().reset(Instant::now() + length);
    }

    fn poll_timer(&mut self, cx: &mut Context<'_>) -> Poll<Error> {
        while self.timer.as_mut().poll(cx).is_ready() {
            let mut state = self.shared.lock();
            let is_idle = state.slots.in_use() == 0 && state.pings.is_empty();
            if is_idle && self.waits_for == Timer::Idle {
                state.is_draining = true; // from here on callers take another connection
                return Poll::Ready(self.shared.lost("it was idle"));
            }
            if is_idle {
                state.slots.shrink();
                state.queue.shrink();
                drop(state);
                self.inbox.shrink();
                self.outbox.shrink();
                self.ended.shrink_to_fit();
                self.callers.shrink_to_fit();
                self.set_timer(Timer::Idle);
                continue;
            }
            state.ticks = state.ticks.wrapping_add(1);
            let (now, limit) = (state.ticks, self.times.call);
            let error = || Error::timed_out("an exchange with a peer", limit);
            let overdue = state.slots.expire(now, TICKS, error);
            for (id, caller) in overdue.failed {
                state.cancels.push(id);
                self.callers.push(caller);
            }
            drop(state);
            self.callers.drain(..).for_each(Waker::wake);
            if overdue.is_withheld {
                return Poll::Ready(self.shared.lost("it withholds the end of a cancelled call"));
            }
            self.set_timer(Timer::Tick);
            // The cancellations are to be written.
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }

    /// Reports the answer to a liveness check.
    fn answered(&self, id: u32) {
        let mut state = self.shared.lock();
        if let Some(at) = state.pings.iter().position(|(ping, _)| *ping == id) {
            let (_, waiting) = state.pings.swap_remove(at);
            _ = waiting.send(()); // unless it has given up
        }
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> Future for Driver<T> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        match this.drive(cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(error) => {
                tracing::debug!(peer = this.shared.peer(), %error, "a stream has ended");
                this.shared.end(error);
                Poll::Ready(())
            }
        }
    }
}

/// A runtime that shuts down drops the driver in the middle.
impl<T> Drop for Driver<T> {
    fn drop(&mut self) {
        self.shared.end(self.shared.lost("its driver has ended"));
    }
}
