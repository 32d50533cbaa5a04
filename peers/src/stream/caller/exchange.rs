use std::pin::Pin;
use std::task::{Context, Poll};

use super::shared::{Shared, Unsent};
use super::slots::{Answer, Look};
use crate::Error;
use crate::http::client::Lane;
use crate::stream::Message;
use crate::stream::limits::SMALL;

/// One call on a connection, from its request to its answer.
///
/// Written by hand: the request is queued under the same lock under which the caller is noted. When it
/// is dropped before there is an answer, the other side is told that nobody waits for one.
pub(super) struct Exchange<'a, M> {
    shared: &'a Shared,
    message: &'a M,
    lane: Lane,
    stage: Stage,
}

enum Stage {
    Unsent,
    Sent(u32),
    Done,
}

/// Why a call has no answer.
#[derive(Debug)]
pub(super) enum Failure {
    /// It was not sent.
    Unsent(Unsent),
    /// The connection ended after it was sent.
    Lost(Error),
    /// This call alone failed.
    Call(Error),
}

impl<'a, M> Exchange<'a, M> {
    pub(super) fn new(shared: &'a Shared, message: &'a M, lane: Lane) -> Self {
        Self {
            shared,
            message,
            lane,
            stage: Stage::Unsent,
        }
    }
}

impl<M: Message> Exchange<'_, M> {
    /// Queues the request.
    fn send(&self, cx: &Context<'_>) -> Result<u32, Failure> {
        let limit = self.shared.limit(self.lane);
        let length = self.message.len();
        self.shared.check(length).map_err(Failure::Call)?;
        let mut state = self.shared.lock();
        state
            .admit(limit, length > SMALL)
            .map_err(Failure::Unsent)?;
        let since = state.ticks;
        let id = state.slots.begin(cx.waker().clone(), since);
        state.queue.push(self.message, id, self.shared.time());
        let driver = state.driver.take();
        drop(state);
        if let Some(driver) = driver {
            driver.wake();
        }
        Ok(id)
    }

    /// Looks for the answer.
    fn look(&self, id: u32, cx: &Context<'_>) -> Poll<Result<Answer, Failure>> {
        let mut state = self.shared.lock();
        match state.slots.look(id, cx.waker()) {
            Look::Ended(result) => {
                self.shared.announce_room(&state);
                Poll::Ready(result.map_err(Failure::Call))
            }
            Look::Waiting => match state.end() {
                Some(error) => Poll::Ready(Err(Failure::Lost(error))),
                None => Poll::Pending,
            },
        }
    }
}

impl<M: Message> Future for Exchange<'_, M> {
    type Output = Result<Answer, Failure>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let answer = match self.stage {
            Stage::Unsent => match self.send(cx) {
                Ok(id) => {
                    self.stage = Stage::Sent(id);
                    return Poll::Pending;
                }
                Err(failure) => Poll::Ready(Err(failure)),
            },
            Stage::Sent(id) => self.look(id, cx),
            Stage::Done => Poll::Pending,
        };
        if answer.is_ready() {
            self.stage = Stage::Done;
        }
        answer
    }
}

impl<M> Drop for Exchange<'_, M> {
    fn drop(&mut self) {
        let Stage::Sent(id) = self.stage else { return };
        let mut state = self.shared.lock();
        let now = state.ticks;
        if state.slots.abandon(id, now) && !state.has_ended() {
            state.cancels.push(id);
            state.wake_driver();
        }
        self.shared.announce_room(&state);
    }
}
