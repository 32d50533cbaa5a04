use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{self, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Sleep, sleep};

use super::calls::Calls;
use super::patience::{Patience, State, Verdict};
use crate::http::BodyBudget;
use crate::stream::frame::{self, Header};
use crate::stream::inbox::{Event, Inbox, Part};
use crate::stream::outbox::{Outbox, Withdrawn};
use crate::stream::queue::Queue;
use crate::stream::{Hello, Message, Payload, traced};
use crate::{BoxFuture, Context, Error};

/// Answers the calls of a stream: the protocol's part.
pub(crate) trait Answerer: Send + Sync + Unpin + 'static {
    type Answer: Message + Send + 'static;

    /// The answer to a call that has to wait for nothing; `None` if it may have to. Called on the
    /// connection's task.
    fn answer_now(&self, kind: u8, message: &[u8]) -> Option<Self::Answer>;

    /// The answer to any other call. Runs on a task of its own, and is dropped when nobody waits for the
    /// answer any more.
    fn answer(&self, kind: u8, message: Bytes) -> BoxFuture<'static, Self::Answer>;

    /// The answer that says an error.
    fn error(&self, error: &Error) -> Self::Answer;
}

/// The most answered bytes of small messages that a server keeps for a client that does not read
/// them. It reads no further calls until they are gone.
const UNSENT_SMALL: usize = 1 << 20;

/// How many cancelled calls a client may have whose tasks have not ended, beyond its limit of calls.
const SLACK: usize = 64;

/// How long a server that shuts down waits for a client to close, once all is answered.
const GRACE: Duration = Duration::from_secs(1);

/// The times of a session.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times {
    /// How long a client may stop in the middle of a message, or leave its answers unread.
    pub(crate) due: Duration,
    /// How long a message of several frames may take to come.
    pub(crate) message: Duration,
    /// How long a connection is kept without calls.
    pub(crate) idle: Duration,
    /// How long calls that are under way may take to end once the connection is to end.
    pub(crate) drain: Duration,
}

/// The server's end of a stream. The future ends with the connection.
///
/// It answers all calls that a read has brought and that need no waiting, and writes their answers in
/// one go. It does not read on while a client leaves its answers unread.
pub(crate) struct Session<T, A: Answerer> {
    io: T,
    inbox: Inbox,
    queue: Queue,
    outbox: Outbox,
    answerer: A,
    calls: Calls<A::Answer>,
    hello: Hello,
    patience: Patience,
    /// The number of calls so far.
    called: u64,
    /// Bytes read so far.
    read: u64,
    /// Ready once the connection is to end, and empty after that. It waits for much that hardly ever happens, and so it
    /// is polled when it was woken, and not with each call.
    draining: FuturesUnordered<BoxFuture<'static, ()>>,
    /// Until when calls that are under way may go on, once the connection is to end.
    cut_off: Option<Pin<Box<Sleep>>>,
    /// How long a client has to close after everything is done.
    grace: Option<Pin<Box<Sleep>>>,
    times: Times,
}

impl<T: AsyncRead + AsyncWrite + Unpin, A: Answerer> Session<T, A> {
    pub(crate) fn new(
        io: T,
        first: &[u8],
        answerer: A,
        hello: Hello,
        times: Times,
        budget: Arc<BodyBudget>,
        draining: BoxFuture<'static, ()>,
    ) -> Self {
        let mut queue = Queue::default();
        queue.push_control(frame::HELLO, 0, &hello.to_bytes());
        let mut inbox = Inbox::new(hello.max_message, budget);
        inbox.put(first);
        Self {
            io,
            inbox,
            queue,
            outbox: Outbox::default(),
            answerer,
            calls: Calls::new(),
            hello,
            patience: Patience::new(times.due, times.idle),
            called: 0,
            read: 0,
            draining: FuturesUnordered::from_iter([draining]),
            cut_off: None,
            grace: None,
            times,
        }
    }

    /// Moves what can be moved. Ends with the reason why the connection cannot go on.
    fn drive(&mut self, cx: &mut task::Context<'_>) -> Poll<Error> {
        if self.poll_draining(cx).is_ready() {
            return Poll::Ready(lost("calls took too long to end"));
        }
        loop {
            if let Err(error) = self.receive() {
                return Poll::Ready(error);
            }
            // After the calls that were read have begun: their answers are to wake this task.
            while self.has_room()
                && let Poll::Ready((id, answer)) = self.calls.poll_answer(cx)
            {
                self.queue.push(&answer, id, 0);
            }
            let had_room = self.has_room();
            let mut has_read = false;
            if had_room {
                match self.inbox.poll_read(cx, &mut self.io) {
                    Poll::Ready(Ok(0)) => return Poll::Ready(lost("the client closed it")),
                    Poll::Ready(Err(error)) => return Poll::Ready(lost(error)),
                    Poll::Ready(Ok(count)) => {
                        self.read += count as u64;
                        has_read = true;
                    }
                    Poll::Pending => {}
                }
            }
            // A turn at a time, so that no small call waits until a large answer is written.
            let has_written = match self.write(cx) {
                Ok(has_written) => has_written,
                Err(error) => return Poll::Ready(lost(error)),
            };
            if !has_read && !has_written && (had_room || !self.has_room()) {
                break;
            }
        }
        if self.cut_off.is_some() && self.is_done() && self.poll_grace(cx).is_ready() {
            return Poll::Ready(lost("the server has closed it"));
        }
        if self
            .inbox
            .longest_wait()
            .is_some_and(|wait| wait > self.times.message)
        {
            return Poll::Ready(lost("a message takes too long to come"));
        }
        loop {
            match self.patience.poll(cx, self.state()) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Verdict::Quiet) => {
                    self.inbox.shrink();
                    self.outbox.shrink();
                    self.queue.shrink();
                    self.calls.shrink();
                }
                Poll::Ready(Verdict::Idle) => return Poll::Ready(lost("it was idle")),
                Poll::Ready(Verdict::Stuck) => {
                    return Poll::Ready(lost("the client makes no progress"));
                }
            }
        }
    }

    /// Waits a moment for the client to close, because calls may have crossed with the GOAWAY.
    fn poll_grace(&mut self, cx: &mut task::Context<'_>) -> Poll<()> {
        let grace = self.grace.get_or_insert_with(|| Box::pin(sleep(GRACE)));
        grace.as_mut().poll(cx)
    }

    /// Tells the client once the connection is to end. Ready when the calls that were under way have had their time.
    fn poll_draining(&mut self, cx: &mut task::Context<'_>) -> Poll<()> {
        if let Poll::Ready(Some(())) = self.draining.poll_next_unpin(cx) {
            self.cut_off = Some(Box::pin(sleep(self.times.drain)));
            self.queue.push_control(frame::GOAWAY, 0, &[]);
        }
        match &mut self.cut_off {
            Some(cut_off) => cut_off.as_mut().poll(cx),
            None => Poll::Pending,
        }
    }

    /// Handles the frames that were read, as long as there is room for answers.
    fn receive(&mut self) -> Result<(), Error> {
        while self.has_room()
            && let Some(event) = self.inbox.next()?
        {
            match event {
                Event::Message(header, message) => {
                    let Self {
                        answerer,
                        calls,
                        queue,
                        ..
                    } = self;
                    self.called += 1;
                    let limit = self.hello.max_calls as usize;
                    let under_way = calls.count() + self.outbox.large_messages();
                    // The client does not count a cancelled call, although its task may not have ended yet.
                    let is_flooded = calls.cancelled() > limit + SLACK;
                    if under_way >= limit || is_flooded || calls.contains(header.id) {
                        let id = header.id;
                        let text = format!("call {id} is one too many, or under way already");
                        return Err(Error::malformed(text));
                    }
                    answer(answerer, calls, queue, header, message)?;
                }
                Event::TooLong(header, length) => {
                    let error = Error::too_large("a request", length, self.hello.max_message);
                    self.queue.push(&self.answerer.error(&error), header.id, 0);
                }
                Event::Skipped(_) => {}
                Event::Control(header, payload) => match header.kind {
                    frame::PING => self.queue.push_control(frame::PONG, header.id, &[]),
                    frame::CANCEL => self.cancel(header.id),
                    frame::GRANT => self.outbox.grant(header.id, frame::granted(payload)?),
                    kind => {
                        let text = format!("a frame of kind {kind}, which a client never sends");
                        return Err(Error::malformed(text));
                    }
                },
            }
        }
        Ok(())
    }

    /// Nobody waits for the answer to a call any more. A call that has been answered stays so.
    fn cancel(&mut self, id: u32) {
        let is_unanswered = match self.inbox.withdraw(id) {
            Some(Part::Wanted) => true,
            Some(Part::Refused) => false,
            None => self.calls.cancel(id) || self.withdraw(id),
        };
        if is_unanswered {
            self.queue.push_control(frame::CANCELLED, id, &[]);
        }
    }

    /// Sends no more of an answer. Says whether its end was not sent.
    fn withdraw(&mut self, id: u32) -> bool {
        self.queue.withdraw(id) || self.outbox.withdraw(id) != Withdrawn::Absent
    }

    /// Writes a turn. Says whether there was something, and the connection has taken it.
    fn write(&mut self, cx: &mut task::Context<'_>) -> io::Result<bool> {
        for (id, bytes) in self.inbox.take_grants(cx) {
            self.queue.push_grant(id, bytes);
        }
        self.outbox.take(&mut self.queue);
        if self.outbox.is_idle() {
            return Ok(false);
        }
        match self.outbox.poll_write(cx, &mut self.io) {
            Poll::Ready(Ok(())) => Ok(true),
            Poll::Ready(Err(error)) => Err(error),
            Poll::Pending => Ok(false),
        }
    }

    /// Whether the client may ask for more. Long answers do not count: they are written when it grants them,
    /// which it says in frames that have to be read.
    fn has_room(&self) -> bool {
        self.queue.small_bytes() + self.outbox.small_bytes() <= UNSENT_SMALL
    }

    /// Whether every call is answered, and every answer written.
    fn is_done(&self) -> bool {
        self.calls.count() == 0
            && self.queue.is_empty()
            && self.outbox.is_written()
            && self.outbox.large_messages() == 0
    }

    fn state(&self) -> State {
        if !self.outbox.is_written() || self.inbox.is_in_the_middle() {
            State::Due(self.read + self.outbox.written())
        } else if self.calls.count() > 0 {
            State::Working
        } else if self.outbox.large_messages() > 0 {
            State::Held(self.outbox.written())
        } else {
            State::Idle(self.called)
        }
    }
}

/// Answers a call: at once if that needs no waiting, and on a task otherwise.
fn answer<A: Answerer>(
    answerer: &A,
    calls: &mut Calls<A::Answer>,
    queue: &mut Queue,
    header: Header,
    message: Payload<'_>,
) -> Result<(), Error> {
    let (kind, trace, message) = traced::read(header.kind, message)?;
    let answer_now = || answerer.answer_now(kind, &message);
    // An answer that does not wait asks nobody else, and so needs its place only to be recorded there.
    let at_once = match trace.as_ref().filter(|trace| trace.is_sampled()) {
        Some(trace) => Context::default()
            .with_trace(trace.clone())
            .sync_scope(answer_now),
        None => answer_now(),
    };
    if let Some(answer) = at_once {
        queue.push(&answer, header.id, 0);
        return Ok(());
    }
    let mut answer = answerer.answer(kind, message.into_bytes());
    if let Some(trace) = trace {
        answer = Box::pin(Context::default().with_trace(trace).scope(answer));
    }
    let time = Duration::from_millis(header.time.into());
    let late = answerer.error(&Error::timed_out("the answer to a peer", time));
    calls.begin(header.id, async move {
        tokio::time::timeout(time, answer).await.unwrap_or(late)
    });
    Ok(())
}

impl<T: AsyncRead + AsyncWrite + Unpin, A: Answerer> Future for Session<T, A> {
    type Output = Error;

    fn poll(mut self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Error> {
        self.drive(cx)
    }
}

fn lost(why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::disconnected("a client", why)
}
