use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::{self, Poll};

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::uri::PathAndQuery;
use http::{Request, Response, Uri};
use http_body_util::{Either, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use parking_lot::Mutex;
use tokio::time::{Instant, timeout};
use tonic::Status;
use tower_service::Service;

use crate::access::Tokens;
use crate::http::client::{connector, refusal};
use crate::http::{Connected, Destination, HEALTH, HttpOptions, Validity, trace_headers};
use crate::{BoxFuture, Context, Error, Member};

/// The largest head of an answer.
const MAX_HEAD_BYTES: u32 = 64 << 10;

/// The connection to one peer: one at a time, which all exchanges share. It is made when it is
/// needed, and replaced when it has closed, was idle for too long, or is given up.
pub(super) struct Channel {
    to: Destination,
    options: Arc<HttpOptions>,
    current: Mutex<Option<Current>>,
    /// Held by whoever makes a connection; the others wait for that one.
    connecting: tokio::sync::Mutex<()>,
    /// Attempts to connect that failed so far.
    failures: AtomicU64,
    /// Connections that were made so far, each of which has its number.
    made: AtomicU64,
}

struct Current {
    connection: Connection,
    used: Instant,
}

/// Carries requests; clones use the same connection.
#[derive(Clone)]
pub(super) struct Connection {
    sender: SendRequest<tonic::body::Body>,
    number: u64,
    validity: Validity,
    /// The first of them goes along with every request.
    tokens: Option<Tokens>,
}

impl Channel {
    pub(super) fn new(member: &Member, options: Arc<HttpOptions>) -> Result<Self, Error> {
        let to = Destination::new(member.clone(), true)?;
        options.check_dialable(&to)?;
        Ok(Self {
            to,
            options,
            current: Mutex::default(),
            connecting: tokio::sync::Mutex::default(),
            failures: AtomicU64::new(0),
            made: AtomicU64::new(0),
        })
    }

    pub(super) fn name(&self) -> &str {
        self.to.name()
    }

    pub(super) fn url(&self) -> &Uri {
        self.to.url()
    }

    pub(super) fn options(&self) -> &HttpOptions {
        &self.options
    }

    /// A connection, and whether it was used before.
    ///
    /// Of the callers that wait while one connects, none tries again when that one fails: a peer
    /// that is away costs them one time-out together, not one each.
    pub(super) async fn connection(&self) -> Result<(Connection, bool), Error> {
        if let Some(connection) = self.current() {
            return Ok((connection, true));
        }
        let failures = self.failures.load(Relaxed);
        let _turn = self.connecting.lock().await;
        if let Some(connection) = self.current() {
            return Ok((connection, true));
        }
        if self.failures.load(Relaxed) != failures {
            return Err(Error::unreachable(self.name(), "it could not be just now"));
        }
        // Large and rare: on the heap, so that the exchange's future stays small.
        match Box::pin(self.connect()).await {
            Ok(connection) => {
                *self.current.lock() = Some(Current {
                    connection: connection.clone(),
                    used: Instant::now(),
                });
                Ok((connection, false))
            }
            Err(error) => {
                self.failures.fetch_add(1, Relaxed);
                Err(error)
            }
        }
    }

    /// Whether there is a connection that could be used.
    pub(super) fn is_connected(&self) -> bool {
        let current = self.current.lock();
        current
            .as_ref()
            .is_some_and(|current| self.is_usable(current))
    }

    /// Has later exchanges use another connection. Those that are on this one go on.
    pub(super) fn give_up(&self, number: u64) {
        let mut current = self.current.lock();
        if current
            .as_ref()
            .is_some_and(|current| current.connection.number == number)
        {
            *current = None;
        }
    }

    /// Whether the peer answers anything at all, on a connection of its own. Servers of gRPC refuse the
    /// request, which is a sign of life too.
    pub(super) async fn ping(&self) -> Result<(), Error> {
        let mut connection = self.connect().await?;
        let broken = |error| match refusal(&error) {
            Some(why) => Error::denied_in_handshake(self.name(), why),
            None => Error::disconnected(self.name(), error),
        };
        poll_fn(|cx| connection.sender.poll_ready(cx))
            .await
            .map_err(broken)?;
        let mut request = Request::new(tonic::body::Body::empty());
        let mut url = self.url().clone().into_parts();
        url.path_and_query = Some(PathAndQuery::from_static(HEALTH));
        if let Ok(url) = Uri::from_parts(url) {
            *request.uri_mut() = url;
        }
        let answered = connection.sender.send_request(request).await;
        answered.map(drop).map_err(broken)
    }

    fn current(&self) -> Option<Connection> {
        let mut slot = self.current.lock();
        let current = slot.as_mut()?;
        if !self.is_usable(current) {
            *slot = None;
            return None;
        }
        current.used = Instant::now();
        Some(current.connection.clone())
    }

    fn is_usable(&self, current: &Current) -> bool {
        let Current { connection, used } = current;
        !connection.sender.is_closed()
            && !connection.validity.is_over()
            && used.elapsed() < self.options.client_idle_timeout
    }

    async fn connect(&self) -> Result<Connection, Error> {
        let limit = self.options.connect_timeout;
        let connected = timeout(limit, self.options.connector.dial(&self.to))
            .await
            .map_err(|_| Error::timed_out("connecting to a peer", limit))?
            .map_err(|error| connector::failure(self.name(), error))?;
        let Connected { io, validity } = connected;
        let (sender, connection) = Builder::new(TokioExecutor::new())
            .max_header_list_size(MAX_HEAD_BYTES)
            .max_frame_size(self.options.max_frame_bytes)
            .initial_stream_window_size(self.options.stream_window_bytes)
            .initial_connection_window_size(self.options.connection_window_bytes)
            .handshake(TokioIo::new(io))
            .await
            .map_err(|error| Error::unreachable(self.name(), error))?;
        let name: Box<str> = self.name().into();
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(peer = %name, %error, "connection failed");
            }
        });
        let number = self.made.fetch_add(1, Relaxed);
        let tokens = self.options.guard.tokens.clone();
        Ok(Connection {
            sender,
            number,
            validity,
            tokens,
        })
    }
}

impl fmt::Debug for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Channel")
            .field("to", &self.to)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

impl Connection {
    pub(super) fn number(&self) -> u64 {
        self.number
    }
}

impl Service<Request<tonic::body::Body>> for Connection {
    type Response = Response<Either<Incoming, Empty<Bytes>>>;
    type Error = hyper::Error;
    type Future = BoxFuture<'static, hyper::Result<Self::Response>>;

    fn poll_ready(&mut self, cx: &mut task::Context<'_>) -> Poll<hyper::Result<()>> {
        self.sender.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<tonic::body::Body>) -> Self::Future {
        if let Some(tokens) = &self.tokens {
            request.headers_mut().insert(AUTHORIZATION, tokens.header());
        }
        if let Some(trace) = Context::current_trace() {
            trace_headers::write(request.headers_mut(), &trace);
        }
        let sending = self.sender.send_request(request);
        Box::pin(async {
            let response = sending.await?;
            // The status is in the head: there is no message. Were there one, tonic would make room
            // for it without regard to our limit.
            let complete = response.headers().contains_key(Status::GRPC_STATUS);
            Ok(response.map(|body| {
                if complete {
                    Either::Right(Empty::new())
                } else {
                    Either::Left(body)
                }
            }))
        })
    }
}
