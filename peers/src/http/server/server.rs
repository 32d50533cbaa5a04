use std::convert::Infallible;
use std::error::Error as StdError;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::rt::{Read, Write};
use hyper::server::conn::{http1, http2};
use hyper::service::Service;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::select;
use tokio::sync::{Semaphore, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{sleep, timeout};

use super::accepted::Accepted;
use super::detect::{Version, detect};
use super::inbound_connections::{InboundConnections, Tally};
use super::listener::Listener;
use super::page_streams::PageStreams;
use super::reserve::{Permit, RESERVE, ReserveService};
use super::rest::Rest;
use super::watchdog::{Activity, Verdict, Watchdog};
use crate::Error;
use crate::http::HttpOptions;

type BoxError = Box<dyn StdError + Send + Sync>;

/// The least that hyper's buffers can be limited to.
const MIN_BUFFER: usize = 8 << 10;
/// How soon the streams are ended that begin while a server drains.
const LATE_STREAMS: Duration = Duration::from_millis(50);
/// The pauses of accepting after an error: the first one, and the longest one. Each is twice the last.
const ACCEPT_BACK_OFF: (Duration, Duration) = (Duration::from_millis(5), Duration::from_secs(1));

/// A running server of HTTP/1.1 and of HTTP/2 without TLS ("h2c", with prior knowledge), told apart
/// by the first bytes of each connection. Dropping it closes the listener and all connections at
/// once.
///
/// [`HttpOptions`] bound the number of connections, and the time that each may spend idle, on a
/// request's head, or without reading its answer.
#[derive(Debug)]
pub struct Server {
    local_addr: SocketAddr,
    /// When it is dropped or set to true, the server stops accepting and finishes the requests in flight.
    drain: watch::Sender<bool>,
    /// Ends with the number of connections that were cut off.
    task: JoinHandle<usize>,
    tally: Arc<Tally>,
    /// The streams of the pages that it serves, if it is that of a node.
    pub(crate) page_streams: Option<PageStreams>,
}

impl Server {
    /// Serves connections of `listener` with any hyper service, such as a router of your own, on a task
    /// of its own. For a node's own service [`start`](Self::start) is shorter.
    ///
    /// # Errors
    ///
    /// Those of [`HttpOptions::validate`], and [`Error::is_configuration`] if the listener cannot tell
    /// its address.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub fn start_with<S, B>(
        listener: impl Listener,
        service: S,
        options: HttpOptions,
    ) -> Result<Self, Error>
    where
        S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible>
            + Clone
            + Send
            + 'static,
        S::Future: Send,
        B: http_body::Body<Data: Send, Error: Into<BoxError>> + Send + 'static,
    {
        options.validate()?;
        let local_addr = listener
            .local_addr()
            .map_err(|error| Error::bind("an unknown address", error))?;
        let (drain, draining) = watch::channel(false);
        let tally = Arc::new(Tally::new(options.max_connections));
        let (options, counted) = (Arc::new(options), Arc::clone(&tally));
        let task = tokio::spawn(run(listener, service, options, counted, draining));
        Ok(Self {
            local_addr,
            drain,
            task,
            tally,
            page_streams: None,
        })
    }

    /// The address on which the server listens.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// The connections that others have made.
    pub fn connections(&self) -> InboundConnections {
        self.tally.look()
    }

    /// Stops accepting, closes idle connections, lets requests in flight finish within
    /// [`drain_timeout`](crate::HttpOptions::drain_timeout), then cuts the rest off. Returns how
    /// many connections were cut off.
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped, everything is cut off at once.
    pub async fn shutdown(mut self) -> usize {
        self.drain.send_replace(true);
        loop {
            if let Some(streams) = &self.page_streams {
                streams.end();
            }
            select! {
                cut_off = &mut self.task => return cut_off.unwrap_or_default(),
                // A connection that had not heard of the end yet may have begun another one.
                () = sleep(LATE_STREAMS) => {}
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A service that a server can serve, whose answers have a body `B`.
trait Serve<B>:
    Service<Request<Incoming>, Response = Response<B>, Error = Infallible, Future: Send>
    + Clone
    + Send
    + 'static
{
}

impl<B, S> Serve<B> for S where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible, Future: Send>
        + Clone
        + Send
        + 'static
{
}

/// The body of an answer.
trait ServeBody: http_body::Body<Data: Send, Error: Into<BoxError>> + Send + 'static {}

impl<B: http_body::Body<Data: Send, Error: Into<BoxError>> + Send + 'static> ServeBody for B {}

async fn run<B: ServeBody>(
    listener: impl Listener,
    service: impl Serve<B>,
    options: Arc<HttpOptions>,
    tally: Arc<Tally>,
    mut draining: watch::Receiver<bool>,
) -> usize {
    let drain_timeout = options.drain_timeout;
    let mut connections = JoinSet::new();
    select! {
        () = accept(listener, service, &options, &tally, draining.clone(), &mut connections) => {}
        _ = draining.wait_for(|drain| *drain) => {}
    }
    let drained = async { while connections.join_next().await.is_some() {} };
    if timeout(drain_timeout, drained).await.is_ok() {
        return 0;
    }
    let cut_off = connections.len();
    connections.shutdown().await;
    cut_off
}

/// Accepts connections until the future is dropped, which closes the listener.
async fn accept<B: ServeBody>(
    mut listener: impl Listener,
    service: impl Serve<B>,
    options: &Arc<HttpOptions>,
    tally: &Arc<Tally>,
    draining: watch::Receiver<bool>,
    connections: &mut JoinSet<()>,
) {
    let permits = Arc::new(Semaphore::new(options.max_connections));
    let reserve = Arc::new(Semaphore::new(RESERVE));
    let (first, longest) = ACCEPT_BACK_OFF;
    let mut back_off = first;
    loop {
        let accepted = select! {
            accepted = accept_one(&mut listener, &permits, &reserve) => accepted,
            Some(_) = connections.join_next() => continue,
        };
        match accepted {
            Ok((accepted, permit)) => {
                back_off = first;
                let (service, draining) = (service.clone(), draining.clone());
                let (options, permits) = (Arc::clone(options), Arc::clone(&permits));
                let open = tally.accepted();
                connections.spawn(async move {
                    let _open = open;
                    match permit {
                        Permit::Regular(_permit) => {
                            serve(accepted, service, &options, draining).await;
                        }
                        Permit::Reserve(permit) => {
                            let service = ReserveService::new(service, permit, &permits);
                            // It has the permit, also after the connection has been upgraded.
                            let _permit = service.clone();
                            serve(accepted, service, &options, draining).await;
                        }
                    }
                });
            }
            Err(error) if concerns_one_connection(&error) => {}
            Err(error) => {
                // Out of file descriptors, most often. Trying again at once would only spin.
                tracing::warn!(%error, "cannot accept connections");
                sleep(back_off).await;
                back_off = longest.min(back_off * 2);
            }
        }
    }
}

/// Waits for a permit before it accepts, so that connections beyond the limit and its reserve stay in
/// the backlog.
async fn accept_one(
    listener: &mut impl Listener,
    permits: &Arc<Semaphore>,
    reserve: &Arc<Semaphore>,
) -> io::Result<(Accepted, Permit)> {
    let permit = select! {
        biased;
        permit = Arc::clone(permits).acquire_owned() => permit.map(Permit::Regular),
        permit = Arc::clone(reserve).acquire_owned() => permit.map(Permit::Reserve),
    };
    let permit = permit.map_err(io::Error::other)?;
    Ok((listener.accept().await?, permit))
}

fn concerns_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset
    )
}

async fn serve<B: ServeBody>(
    accepted: Accepted,
    service: impl Serve<B>,
    options: &HttpOptions,
    mut draining: watch::Receiver<bool>,
) {
    let Accepted { io, known } = accepted;
    let activity = Arc::new(Activity::default());
    let mut watchdog = Watchdog::new(Arc::clone(&activity), options);
    let detected = select! {
        biased;
        detected = detect(activity.watch_io(io)) => detected,
        verdict = watchdog.verdict() => {
            tracing::debug!(?verdict, "connection closed before its first request");
            return;
        }
        _ = draining.wait_for(|drain| *drain) => return,
    };
    let Ok((version, io)) = detected else {
        return; // broken before anything was asked
    };
    let io = TokioIo::new(io);
    match version {
        Version::Http1 => {
            let rest = Rest::new(draining.clone());
            let service = Activity::watch_service(&activity, service, known, Some(rest.clone()));
            let connection = http1_builder(options).serve_connection(io, service);
            drive(connection.with_upgrades(), watchdog, draining).await;
            if let Some(rest) = rest.take() {
                rest.await;
            }
        }
        Version::Http2 => {
            let service = Activity::watch_streams(&activity, service, known);
            let connection = http2_builder(options).serve_connection(io, service);
            drive(connection, watchdog, draining).await;
        }
    }
}

fn http1_builder(options: &HttpOptions) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        // hyper's own timer counts idle connections too. The watchdog tells them apart.
        .header_read_timeout(None)
        .max_header_size(options.max_head_bytes())
        .max_buf_size(options.max_head_bytes().max(MIN_BUFFER));
    builder
}

fn http2_builder(options: &HttpOptions) -> http2::Builder<TokioExecutor> {
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .max_header_list_size(u32::try_from(options.max_head_bytes()).unwrap_or(u32::MAX))
        .max_concurrent_streams(options.max_streams_per_connection)
        .max_frame_size(options.max_frame_bytes)
        .initial_stream_window_size(options.stream_window_bytes)
        .initial_connection_window_size(options.connection_window_bytes);
    builder
}

/// A connection that can be asked to close in good order.
trait Connection: Future<Output = Result<(), hyper::Error>> {
    fn graceful_shutdown(self: Pin<&mut Self>);
}

impl<I, S, B> Connection for http1::UpgradeableConnection<I, S>
where
    I: Read + Write + Unpin + Send + 'static,
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible>,
    B: ServeBody,
{
    fn graceful_shutdown(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

impl<I, S, B> Connection for http2::Connection<I, S, TokioExecutor>
where
    I: Read + Write + Unpin,
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible>,
    S::Future: Send + 'static,
    B: ServeBody,
{
    fn graceful_shutdown(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

/// Runs a connection to its end, or to its upgrade.
async fn drive(
    connection: impl Connection,
    mut watchdog: Watchdog,
    mut draining: watch::Receiver<bool>,
) {
    let mut connection = pin!(connection);
    let (mut drained, mut idle) = (false, false);
    loop {
        select! {
            biased;
            result = connection.as_mut() => {
                if let Err(error) = result {
                    tracing::debug!(%error, "connection failed");
                }
                return;
            }
            verdict = watchdog.verdict() => match verdict {
                // The server has asked to close; over HTTP/2 the client has to agree, and has not.
                Verdict::Idle if idle => return,
                Verdict::Idle => {
                    idle = true;
                    connection.as_mut().graceful_shutdown();
                }
                Verdict::Stuck(doing) => {
                    tracing::debug!(doing, "connection closed: no progress");
                    return;
                }
            },
            _ = draining.wait_for(|drain| *drain), if !drained => {
                drained = true;
                connection.as_mut().graceful_shutdown();
            }
        }
    }
}
