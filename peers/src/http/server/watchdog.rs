//! Time-outs of a server's connection, without a timer or a look at the clock per request.
//!
//! The connection counts what happens in relaxed atomics: over HTTP/1.1 they are shared only within
//! one task (a `Cell` would do if tasks could not move between threads); over HTTP/2 every request
//! has its own task, and no count has to agree with another. A timer, one per connection, looks at
//! the counters a few times per time-out, and notes when it saw each phase begin.

use std::convert::Infallible;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Buf;
use http::{Extensions, Request, Response};
use http_body::{Frame, SizeHint};
use hyper::service::Service;
use pin_project_lite::pin_project;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval};

use super::rest::Rest;
use crate::BoxFuture;
use crate::http::HttpOptions;

/// What happened on one connection so far.
#[derive(Debug, Default)]
pub(super) struct Activity {
    /// Reads that brought bytes.
    reads: AtomicU64,
    /// [`reads`](Self::reads) when a head was last complete or an answer last made. More reads
    /// since then are the beginning of another head.
    reads_before: AtomicU64,
    /// Writes that took bytes.
    writes: AtomicU64,
    /// Whether the last write had to wait.
    blocked: AtomicBool,
    /// Requests whose answer is being made.
    in_flight: AtomicU32,
    /// Whether this is HTTP/2. There bytes that come may be anything, not only the beginning of a
    /// head, and an answer may wait for the client although the last write did not.
    streams: AtomicBool,
    /// HTTP/2: chunks of answers that are not written, and how often a part of one was.
    unsent: AtomicU32,
    taken: AtomicU64,
}

/// What a connection is doing. Equal to the phase seen before: no progress in between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// The node is making an answer. That takes as long as it takes.
    Working,
    /// The client does not take bytes.
    Writing { writes: u64 },
    /// HTTP/2: the client does not let more of its answers come.
    Holding { taken: u64 },
    /// The client is sending a head; it is to end in time, however many bytes come.
    Reading { reads_before: u64 },
    /// Nothing, or the rest of an answer that comes bit by bit. Over HTTP/2 pings, which are reads and writes, do not
    /// count.
    Idle { reads: u64, writes: u64 },
}

impl Activity {
    pub(super) fn watch_io<T>(self: &Arc<Self>, io: T) -> WatchedIo<T> {
        WatchedIo {
            io,
            activity: Arc::clone(self),
        }
    }

    pub(super) fn watch_service<S>(
        this: &Arc<Self>,
        service: S,
        known: Extensions,
        rest: Option<Rest>,
    ) -> WatchedService<S> {
        WatchedService {
            service,
            activity: Arc::clone(this),
            known: (!known.is_empty()).then_some(known),
            rest,
        }
    }

    pub(super) fn watch_streams<S>(
        this: &Arc<Self>,
        service: S,
        known: Extensions,
    ) -> WatchedStreams<S> {
        this.streams.store(true, Relaxed);
        WatchedStreams(Self::watch_service(this, service, known, None))
    }

    fn phase(&self) -> Phase {
        let reads = self.reads.load(Relaxed);
        let reads_before = self.reads_before.load(Relaxed);
        if self.blocked.load(Relaxed) {
            Phase::Writing {
                writes: self.writes.load(Relaxed),
            }
        } else if self.unsent.load(Relaxed) > 0 {
            Phase::Holding {
                taken: self.taken.load(Relaxed),
            }
        } else if self.in_flight.load(Relaxed) > 0 {
            Phase::Working
        } else if self.streams.load(Relaxed) {
            Phase::Idle {
                reads: reads_before,
                writes: self.taken.load(Relaxed),
            }
        } else if reads != reads_before {
            Phase::Reading { reads_before }
        } else {
            let writes = self.writes.load(Relaxed);
            Phase::Idle { reads, writes }
        }
    }
}

/// What is to be done about a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Close it in good order: it was idle for too long.
    Idle,
    /// Drop it: the client made no progress at what is named.
    Stuck(&'static str),
}

#[derive(Debug)]
pub(super) struct Watchdog {
    activity: Arc<Activity>,
    ticks: Interval,
    phase: Phase,
    /// When the phase was first seen.
    since: Instant,
    head_timeout: Duration,
    idle_timeout: Duration,
    write_timeout: Duration,
}

impl Watchdog {
    pub(super) fn new(activity: Arc<Activity>, options: &HttpOptions) -> Self {
        let HttpOptions {
            head_timeout,
            write_timeout,
            server_idle_timeout,
            ..
        } = *options;
        let shortest = head_timeout.min(write_timeout).min(server_idle_timeout);
        let mut ticks = interval(shortest / 4);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            phase: activity.phase(),
            activity,
            ticks,
            since: Instant::now(),
            head_timeout,
            idle_timeout: server_idle_timeout,
            write_timeout,
        }
    }

    /// Waits until something has to be done. May be dropped and called again at any time.
    pub(super) async fn verdict(&mut self) -> Verdict {
        loop {
            let now = self.ticks.tick().await;
            if let Some(verdict) = self.inspect(now) {
                return verdict;
            }
        }
    }

    fn inspect(&mut self, now: Instant) -> Option<Verdict> {
        let phase = self.activity.phase();
        if phase != self.phase {
            (self.phase, self.since) = (phase, now);
            return None;
        }
        let (limit, verdict) = match phase {
            Phase::Working => return None,
            Phase::Writing { .. } | Phase::Holding { .. } => {
                (self.write_timeout, Verdict::Stuck("reading the answer"))
            }
            Phase::Reading { .. } => (self.head_timeout, Verdict::Stuck("sending a head")),
            Phase::Idle { .. } => (self.idle_timeout, Verdict::Idle),
        };
        (now.saturating_duration_since(self.since) >= limit).then_some(verdict)
    }
}

/// A connection whose reads and writes are counted.
#[derive(Debug)]
pub(super) struct WatchedIo<T> {
    io: T,
    activity: Arc<Activity>,
}

impl<T> WatchedIo<T> {
    fn note_write(&self, result: &Poll<io::Result<usize>>) {
        self.activity.blocked.store(result.is_pending(), Relaxed);
        if let Poll::Ready(Ok(1..)) = result {
            self.activity.writes.fetch_add(1, Relaxed);
        }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for WatchedIo<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let result = Pin::new(&mut self.io).poll_read(cx, buf);
        if buf.filled().len() > before {
            self.activity.reads.fetch_add(1, Relaxed);
        }
        result
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for WatchedIo<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.io).poll_write(cx, buf);
        self.note_write(&result);
        result
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.io).poll_write_vectored(cx, bufs);
        self.note_write(&result);
        result
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.io).poll_flush(cx);
        self.activity.blocked.store(result.is_pending(), Relaxed);
        result
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.io).poll_shutdown(cx);
        self.activity.blocked.store(result.is_pending(), Relaxed);
        result
    }
}

/// A service whose requests in flight are counted.
pub(super) struct WatchedService<S> {
    service: S,
    activity: Arc<Activity>,
    /// The listener's knowledge of the connection, which goes into every request.
    known: Option<Extensions>,
    /// HTTP/1.1: where the service leaves a connection that it upgrades.
    rest: Option<Rest>,
}

impl<S: Service<Request<B>>, B> Service<Request<B>> for WatchedService<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = InFlight<S::Future>;

    fn call(&self, mut request: Request<B>) -> Self::Future {
        if let Some(known) = &self.known {
            request.extensions_mut().extend(known.clone());
        }
        if let Some(rest) = &self.rest {
            rest.attach(&mut request);
        }
        self.activity.in_flight.fetch_add(1, Relaxed);
        InFlight {
            future: self.service.call(request),
            activity: Arc::clone(&self.activity),
        }
    }
}

pin_project! {
    /// The future of one request.
    pub(super) struct InFlight<F> {
        #[pin]
        future: F,
        activity: Arc<Activity>,
    }

    impl<F> PinnedDrop for InFlight<F> {
        fn drop(this: Pin<&mut Self>) {
            let activity = &this.activity;
            activity.in_flight.fetch_sub(1, Relaxed);
            let reads = activity.reads.load(Relaxed);
            activity.reads_before.store(reads, Relaxed);
        }
    }
}

impl<F: Future> Future for InFlight<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        self.project().future.poll(cx)
    }
}

/// A [`WatchedService`] for HTTP/2, whose answers are watched too.
pub(super) struct WatchedStreams<S>(WatchedService<S>);

impl<S, B, A> Service<Request<B>> for WatchedStreams<S>
where
    S: Service<Request<B>, Response = Response<A>, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response<WatchedBody<A>>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn call(&self, request: Request<B>) -> Self::Future {
        let answer = self.0.call(request);
        let activity = Arc::clone(&self.0.activity);
        Box::pin(async move { Ok(answer.await?.map(|body| WatchedBody { body, activity })) })
    }
}

pin_project! {
    /// The body of an answer over HTTP/2.
    pub(super) struct WatchedBody<B> {
        #[pin]
        body: B,
        activity: Arc<Activity>,
    }
}

impl<B: http_body::Body> http_body::Body for WatchedBody<B> {
    type Data = Chunk<B::Data>;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, B::Error>>> {
        let this = self.project();
        let frame = this.body.poll_frame(cx);
        frame.map_ok(|frame| frame.map_data(|bytes| Chunk::new(bytes, this.activity)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A chunk of an answer over HTTP/2. It lives until all of it is written or its stream is reset.
#[derive(Debug)]
pub(super) struct Chunk<D> {
    bytes: D,
    activity: Arc<Activity>,
}

impl<D> Chunk<D> {
    fn new(bytes: D, activity: &Arc<Activity>) -> Self {
        activity.unsent.fetch_add(1, Relaxed);
        Self {
            bytes,
            activity: Arc::clone(activity),
        }
    }
}

impl<D: Buf> Buf for Chunk<D> {
    fn remaining(&self) -> usize {
        self.bytes.remaining()
    }

    fn chunk(&self) -> &[u8] {
        self.bytes.chunk()
    }

    fn chunks_vectored<'a>(&'a self, dst: &mut [IoSlice<'a>]) -> usize {
        self.bytes.chunks_vectored(dst)
    }

    fn advance(&mut self, count: usize) {
        self.bytes.advance(count);
        self.activity.taken.fetch_add(1, Relaxed);
    }
}

impl<D> Drop for Chunk<D> {
    fn drop(&mut self) {
        self.activity.unsent.fetch_sub(1, Relaxed);
    }
}
