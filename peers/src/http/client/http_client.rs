use std::sync::Arc;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONNECTION, HOST, UPGRADE};
use http::uri::{Authority, PathAndQuery};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri};
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::time::{Instant, timeout};

use super::answer::Answer;
use super::connected::Connected;
use super::connection_limit::{ConnectionLimit, Lane};
use super::connector;
use super::destination::Destination;
use super::io::Io;
use super::peer_clock::PeerClock;
use super::pool::Pool;
use super::refusal::refusal;
use crate::http::{
    Addressee, Body, BodyBudget, HEALTH, HttpOptions, Validity, failure, path, trace_headers,
};
use crate::{ClockSkew, Connections, Context, Error, GetMode, Member, Wire};

/// The longest head of an answer.
const MAX_HEAD_BYTES: usize = 64 << 10;
/// Carries requests to one peer over pooled keep-alive connections, and the answers back.
///
/// A request that fails with a connection that was used before is sent once more on a fresh one: the
/// peer has most likely closed the idle connection in that moment. Every operation of this crate may be done twice.
/// The client follows no redirects. Its only background tasks drive the connections.
#[derive(Debug)]
pub(crate) struct HttpClient {
    to: Destination,
    host: HeaderValue,
    /// The URL's own path, which every request target begins with.
    root: Box<str>,
    /// The member that each request names as its addressee.
    addressee: Option<Addressee>,
    /// Where the protocol carries moments, which only a peer with the same time understands.
    clock: Option<PeerClock>,
    options: Arc<HttpOptions>,
    limit: ConnectionLimit,
    /// The bytes of all answers that are being received.
    pub(super) bodies: Arc<BodyBudget>,
    pool: Pool<Connection>,
}

/// The longest body of the answer to a request that has this among its extensions. Other answers are as long as a value may
/// be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AnswerLimit(pub(crate) usize);

/// A connection that was made for this client.
#[derive(Debug)]
struct Connection {
    sender: SendRequest<Body>,
    validity: Validity,
}

/// A connection that goes on with another protocol.
pub(crate) struct Upgraded {
    /// Those of the answer that agrees.
    pub(crate) headers: HeaderMap,
    pub(crate) io: Box<dyn Io>,
    /// What was read of it already.
    pub(crate) first: Bytes,
    pub(crate) validity: Validity,
}

impl HttpClient {
    /// `bodies` is shared by the clients of a transport.
    pub(crate) fn new(
        member: &Member,
        options: Arc<HttpOptions>,
        bodies: Arc<BodyBudget>,
    ) -> Result<Self, Error> {
        let to = Destination::new(member.clone(), false)?;
        options.check_dialable(&to)?;
        let host = to.url().authority().map_or("", Authority::as_str);
        let host = HeaderValue::from_str(host)
            .map_err(|_| Error::invalid_member(member.url(), "its URL has no host"))?;
        let root = to.url().path().trim_end_matches('/').into();
        Ok(Self {
            to,
            host,
            root,
            addressee: None,
            clock: None,
            limit: ConnectionLimit::new(&options),
            bodies,
            pool: Pool::new(options.client_idle_timeout),
            options,
        })
    }

    /// Says in every request that the member with this id is meant, of the cluster that the options name.
    pub(crate) fn addressed_to(mut self, id: &str) -> Self {
        self.addressee = Some(Addressee::new(id, self.options.cluster.as_deref()));
        self
    }

    /// Measures the peer's clock.
    pub(crate) fn measuring_clock(mut self) -> Self {
        self.clock = Some(PeerClock::default());
        self
    }

    /// How far the peer's clock is from this node's, if it is measured and an answer has told.
    pub(crate) fn clock(&self) -> Option<ClockSkew> {
        self.clock.as_ref()?.skew()
    }

    pub(crate) fn options(&self) -> &HttpOptions {
        &self.options
    }

    /// The member's URL as given.
    pub(crate) fn name(&self) -> &str {
        self.to.name()
    }

    /// The connections of the pool, and those in use.
    pub(crate) fn connections(&self) -> Connections {
        let idle = self.pool.len();
        Connections::new(Wire::PooledHttp, idle + self.limit.in_use(), idle)
    }

    /// The request target of a key below a base path, which ends with a slash.
    pub(crate) fn target(&self, base: &str, group: &str, key: &[u8]) -> String {
        // Most keys need no escaping; for the others the text grows.
        let length = self.root.len() + base.len() + group.len() + 1 + key.len();
        let mut target = String::with_capacity(length);
        target.push_str(&self.root);
        target.push_str(base);
        path::escape(group.as_bytes(), &mut target);
        target.push('/');
        path::escape(key, &mut target);
        target
    }

    /// The request target of an operation on a whole group: its name stands in the place of the key.
    pub(crate) fn group_target(&self, base: &str, group: &str, operation: &str) -> String {
        self.target(base, group, b"") + operation
    }

    /// The request target of an operation that is about no group: its name stands in the place of one, without a slash
    /// behind it.
    pub(crate) fn node_target(&self, base: &str, operation: &str) -> String {
        [&*self.root, base, operation].concat()
    }

    /// Refuses a key that no peer would take.
    pub(crate) fn check_key(&self, key: &[u8]) -> Result<(), Error> {
        within("a key", key.len(), self.options.max_key_bytes)
    }

    /// Refuses a value that no peer would take.
    pub(crate) fn check_value(&self, value: &[u8]) -> Result<(), Error> {
        within("a value", value.len(), self.options.max_value_bytes)
    }

    /// Has `ask` look something up, as far as the mode goes. While no connection for loads is free, the peer
    /// may still have it in memory: a peek comes first then, and what it has `found` is the answer.
    pub(crate) async fn look_up<T, F>(
        &self,
        mode: GetMode,
        ask: impl Fn(GetMode, Lane) -> F,
        found: impl Fn(T) -> Option<T>,
    ) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>>,
    {
        if mode == GetMode::Peek {
            return ask(mode, Lane::Quick).await;
        }
        if mode == GetMode::Load
            && self.limit.is_exhausted()
            && let Ok(reply) = Box::pin(ask(GetMode::Peek, Lane::Quick)).await
            && let Some(reply) = found(reply)
        {
            return Ok(reply);
        }
        ask(mode, Lane::Loads).await
    }

    /// Sends a request and reads the answer. `fill` turns an empty GET into the request, and returns the
    /// target. It is called once more when the request has to be sent once more, which is rare.
    ///
    /// When the future is dropped, the connection in use is closed; other connections are not.
    pub(crate) async fn send(
        &self,
        lane: Lane,
        fill: impl Fn(&mut Request<Body>) -> String,
    ) -> Result<Answer, Error> {
        let _permit = self.limit.acquire(lane, self.name()).await?;
        let limit = self.options.request_timeout;
        timeout(limit, self.exchange(fill))
            .await
            .unwrap_or_else(|_| Err(Error::timed_out("an exchange with a peer", limit)))
    }

    /// Whether the peer answers anything at all: `GET /healthz` on a connection of its own. Peers of
    /// other implementations may not know the path, but their 404 is a sign of life too. The answer of a
    /// gateway in front of a dead peer is not.
    pub(crate) async fn ping(&self) -> Result<(), Error> {
        let mut connection = self.connect().await?;
        let request = self.prepare(|_| format!("{}{HEALTH}", self.root))?;
        let answered = connection.sender.send_request(request).await;
        let answer = answered.map_err(|error| self.broken(error))?;
        self.check_origin(answer.status(), answer.headers())?;
        self.check_addressee(answer).await
    }

    // No large value lives across an await here, to keep the future small.
    async fn exchange(&self, fill: impl Fn(&mut Request<Body>) -> String) -> Result<Answer, Error> {
        let mut retried = false;
        loop {
            let idle = if retried { None } else { self.idle() };
            let reused = idle.is_some();
            let mut connection = match idle {
                Some(connection) => connection,
                None => Box::pin(self.connect()).await?,
            };
            if reused && connection.sender.ready().await.is_err() {
                continue; // closed while it was idle; there is one idle connection less
            }
            let request = self.prepare(&fill)?;
            let method = request.method().clone();
            let limit = request.extensions().get().copied();
            let asked = Instant::now();
            let sending = connection.sender.try_send_request(request);
            let response = match sending.await {
                Ok(response) => response,
                Err(mut error) if reused && !error.error().is_parse() => {
                    // If it was not even sent, the next idle connection may do as well.
                    retried = error.take_message().is_none();
                    continue;
                }
                Err(error) => return Err(self.broken(error.into_error())),
            };
            if let Some(clock) = &self.clock {
                let here = &self.options.wall_clock;
                clock.note(response.headers(), asked, here, self.name());
            }
            let (answer, reusable) = self.read(response, asked, limit).await?;
            if reusable && !connection.sender.is_closed() {
                self.pool.give_back(connection);
            }
            if is_refusal(answer.status) {
                return Err(self.denied(described(&method), &answer.body));
            }
            return Ok(answer);
        }
    }

    /// An idle connection whose other end is still the one that is meant.
    fn idle(&self) -> Option<Connection> {
        loop {
            let connection = self.pool.take()?;
            if !connection.validity.is_over() {
                return Some(connection);
            }
        }
    }

    fn prepare(&self, fill: impl Fn(&mut Request<Body>) -> String) -> Result<Request<Body>, Error> {
        let mut request = Request::new(Body::default());
        request.headers_mut().insert(HOST, self.host.clone());
        if let Some(addressee) = &self.addressee {
            addressee.write(request.headers_mut());
        }
        if let Some(tokens) = &self.options.guard.tokens {
            request.headers_mut().insert(AUTHORIZATION, tokens.header());
        }
        if let Some(trace) = Context::current_trace() {
            trace_headers::write(request.headers_mut(), &trace);
        }
        let target = fill(&mut request);
        let length = target.len() as u64;
        let target = PathAndQuery::from_maybe_shared(Bytes::from(target))
            .map_err(|_| Error::too_large("a request target", length, u64::from(u16::MAX) - 1))?;
        *request.uri_mut() = Uri::from(target);
        Ok(request)
    }

    /// Asks the peer to go on with another protocol on a connection of its own. Returns `None` if the peer refuses, or
    /// agrees and cannot. The caller limits the time.
    pub(crate) async fn upgrade(&self, protocol: &'static str) -> Result<Option<Upgraded>, Error> {
        let Connected { io, validity } = self.dial().await?;
        let (mut sender, connection) = Builder::new()
            .max_header_size(MAX_HEAD_BYTES)
            .handshake::<_, Body>(TokioIo::new(io))
            .await
            .map_err(|error| Error::unreachable(self.name(), error))?;
        // Ends with the upgrade, or when the sender is dropped.
        tokio::spawn(connection.with_upgrades());
        let request = self.prepare(|request| {
            let headers = request.headers_mut();
            headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
            headers.insert(UPGRADE, HeaderValue::from_static(protocol));
            format!("{}{}", self.root, self.options.base_path)
        })?;
        let answered = sender.send_request(request).await;
        let answer = answered.map_err(|error| self.broken(error))?;
        if answer.status() != StatusCode::SWITCHING_PROTOCOLS {
            self.check_origin(answer.status(), answer.headers())?;
            if failure::is_denial(answer.headers()) {
                let (message, _) = self.read_message(answer.into_body()).await?;
                return Err(self.denied("a stream", &message));
            }
            self.check_addressee(answer).await?;
            return Ok(None);
        }
        let headers = answer.headers().clone();
        let Ok(upgraded) = hyper::upgrade::on(answer).await else {
            return Ok(None);
        };
        let (io, first): (Box<dyn Io>, Bytes) = match upgraded.downcast::<TokioIo<Box<dyn Io>>>() {
            Ok(parts) => (parts.io.into_inner(), parts.read_buf),
            Err(upgraded) => (Box::new(TokioIo::new(upgraded)), Bytes::new()),
        };
        Ok(Some(Upgraded {
            headers,
            io,
            first,
            validity,
        }))
    }

    async fn dial(&self) -> Result<Connected, Error> {
        let limit = self.options.connect_timeout;
        timeout(limit, self.options.connector.dial(&self.to))
            .await
            .map_err(|_| Error::timed_out("connecting to a peer", limit))?
            .map_err(|error| connector::failure(self.name(), error))
    }

    async fn connect(&self) -> Result<Connection, Error> {
        let Connected { io, validity } = self.dial().await?;
        let (sender, connection) = Builder::new()
            .max_header_size(MAX_HEAD_BYTES)
            .handshake(TokioIo::new(io))
            .await
            .map_err(|error| Error::unreachable(self.name(), error))?;
        let name: Box<str> = self.name().into();
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(peer = %name, %error, "connection failed");
            }
        });
        Ok(Connection { sender, validity })
    }

    /// The peer's refusal of `what`, with the text of its answer.
    fn denied(&self, what: &str, text: &[u8]) -> Error {
        Error::denied(self.name(), what, failure::message(text))
    }

    pub(super) fn broken(&self, error: hyper::Error) -> Error {
        if let Some(why) = refusal(&error) {
            return Error::denied_in_handshake(self.name(), why);
        }
        if error.is_parse() {
            Error::malformed(format!("the answer of {}: {error}", self.name()))
        } else {
            Error::disconnected(self.name(), error)
        }
    }
}

/// Whether the peer refuses this node.
fn is_refusal(status: StatusCode) -> bool {
    matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN)
}

/// What a request was, for errors. Most protocols have one operation for each method.
fn described(method: &Method) -> &'static str {
    match *method {
        Method::GET => "a GET",
        Method::PUT => "a PUT",
        Method::DELETE => "a DELETE",
        _ => "a POST",
    }
}

fn within(what: &'static str, size: usize, limit: usize) -> Result<(), Error> {
    if size <= limit {
        Ok(())
    } else {
        Err(Error::too_large(what, size as u64, limit as u64))
    }
}
