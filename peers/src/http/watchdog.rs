//! Time-outs of a server's connection, without a timer or a look at the clock per request.
//!
//! The connection's task counts what happens in relaxed atomics (they are shared only within that
//! task; a `Cell` would do if tasks could not move between threads). A timer, one per connection,
//! looks at the counters a few times per time-out, and notes when it saw each phase begin.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll};
use std::time::Duration;

use http::Request;
use hyper::service::Service;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval};

use super::{HttpOptions, HttpService};

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
}

/// What a connection is doing. Equal to the phase seen before: no progress in between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// The node is making an answer. That takes as long as it takes.
    Working,
    /// The client does not take bytes.
    Writing { writes: u64 },
    /// The client is sending a head; it is to end in time, however many bytes come.
    Reading { reads_before: u64 },
    /// Nothing.
    Idle { reads: u64 },
}

impl Activity {
    pub(super) fn watch_io<T>(self: &Arc<Self>, io: T) -> WatchedIo<T> {
        WatchedIo {
            io,
            activity: Arc::clone(self),
        }
    }

    pub(super) fn watch_service(this: &Arc<Self>, service: HttpService) -> WatchedService {
        WatchedService {
            service,
            activity: Arc::clone(this),
        }
    }

    fn phase(&self) -> Phase {
        let reads = self.reads.load(Relaxed);
        let reads_before = self.reads_before.load(Relaxed);
        if self.blocked.load(Relaxed) {
            Phase::Writing {
                writes: self.writes.load(Relaxed),
            }
        } else if self.in_flight.load(Relaxed) > 0 {
            Phase::Working
        } else if reads != reads_before {
            Phase::Reading { reads_before }
        } else {
            Phase::Idle { reads }
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
            Phase::Writing { .. } => (self.write_timeout, Verdict::Stuck("reading the answer")),
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
#[derive(Debug)]
pub(super) struct WatchedService {
    service: HttpService,
    activity: Arc<Activity>,
}

impl<B: http_body::Body> Service<Request<B>> for WatchedService {
    type Response = <HttpService as Service<Request<B>>>::Response;
    type Error = <HttpService as Service<Request<B>>>::Error;
    type Future = InFlight<<HttpService as Service<Request<B>>>::Future>;

    fn call(&self, request: Request<B>) -> Self::Future {
        self.activity.in_flight.fetch_add(1, Relaxed);
        InFlight {
            future: self.service.call(request),
            activity: Arc::clone(&self.activity),
        }
    }
}

/// The future of one request.
#[derive(Debug)]
pub(super) struct InFlight<F> {
    future: F,
    activity: Arc<Activity>,
}

impl<F: Future + Unpin> Future for InFlight<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        Pin::new(&mut self.future).poll(cx)
    }
}

impl<F> Drop for InFlight<F> {
    fn drop(&mut self) {
        let activity = &self.activity;
        activity.in_flight.fetch_sub(1, Relaxed);
        activity
            .reads_before
            .store(activity.reads.load(Relaxed), Relaxed);
    }
}
