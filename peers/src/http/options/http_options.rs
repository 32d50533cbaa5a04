use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

use crate::http::client::{Connector, TcpConnector};
use crate::http::server::Hook;
use crate::{Context, Error};

/// Limits and time-outs of clients and servers that speak HTTP.
///
/// Every wait and every size has a bound; the defaults suit a cluster in one data centre. The
/// transport, the service and the server each take the fields that concern them.
///
/// ```
/// use std::time::Duration;
/// use peers::HttpOptions;
///
/// let options = HttpOptions::default()
///     .request_timeout(Duration::from_secs(2))
///     .max_value_bytes(1 << 20);
/// assert!(options.validate().is_ok());
/// assert!(options.base_path("no-slashes").validate().is_err());
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct HttpOptions {
    /// The path in front of `group/key`, the same on all nodes. It begins and ends with a slash
    /// and is made of `A-Za-z0-9-._~` and single slashes. Default: `/_groupcache/`.
    pub base_path: String,
    /// Client: how connections are made. Default: TCP without delay, for `http` URLs.
    pub connector: Arc<dyn Connector>,
    /// Client: the longest time to make a connection. Default: 1 s.
    pub connect_timeout: Duration,
    /// Client: the longest time for a whole exchange, from the request, or the connection that has
    /// to be made for it, to the last byte of the answer. It has to leave the slowest getter its time; a peer that hangs is
    /// found out much sooner, by [pings](crate::CircuitOptions::silence). Default: 30 s.
    pub request_timeout: Duration,
    /// Client: connections that were not used for so long are closed at the next exchange.
    /// Keep it below the peers' [`server_idle_timeout`](Self::server_idle_timeout). Default: 60 s.
    pub client_idle_timeout: Duration,
    /// Client: connections to one peer, and so the exchanges with it at one time; others wait for
    /// their turn. Default: 256.
    pub max_connections_per_peer: usize,
    /// Client: the longest wait for a turn when so many exchanges are under way, after which the
    /// exchange is refused with an error that [`is_overloaded`](Error::is_overloaded). Nothing of
    /// this is laid to the peer's charge. Default: 30 s.
    pub acquire_timeout: Duration,
    /// Server: the longest time from the first byte of a request's head to its last, after which
    /// the connection is closed. Default: 10 s. Over HTTP/2, where heads come between other frames,
    /// a connection that never completes one counts as idle.
    ///
    /// This and the next two are checked now and then, so that they cost nothing per request; a
    /// connection may live a quarter of the shortest of the three longer.
    pub head_timeout: Duration,
    /// Server: a connection that was not used for so long is closed. Go's clients keep theirs for
    /// 90 s, and take it badly when the server is first. Default: 120 s.
    pub server_idle_timeout: Duration,
    /// Server: how long a client may leave the rest of its answer unread before its connection is
    /// closed. Default: 30 s. Over HTTP/2: the rest of all its answers.
    pub write_timeout: Duration,
    /// Server: the longest time that the body of a request may take to come, after which the
    /// request is answered with 408. Default: 30 s.
    pub body_timeout: Duration,
    /// Server: how long [`Server::shutdown`](crate::Server::shutdown) waits for requests that are
    /// being answered. Default: 10 s.
    pub drain_timeout: Duration,
    /// Server: open connections; more wait in the listener's backlog. Default: 10,000.
    pub max_connections: usize,
    /// Server: requests that are being answered at one time; more are told "overloaded".
    /// Default: 10,000.
    pub max_requests: usize,
    /// Server: requests at one time on one connection of HTTP/2; the client holds more back.
    /// Default: 256.
    pub max_streams_per_connection: u32,
    /// Both: the largest frame that is accepted over HTTP/2, from 16 KiB to 16 MiB - 1.
    /// Default: 16 KiB.
    pub max_frame_bytes: u32,
    /// Both: how much of one body the other side may send over HTTP/2 before it is read, from
    /// 64 KiB - 1 to 2 GiB - 1. A body moves at most this far per round trip. Default: 1 MiB.
    pub stream_window_bytes: u32,
    /// Both: the same for all bodies on one connection together, and so what a connection can make
    /// this side hold. Default: 2 MiB.
    pub connection_window_bytes: u32,
    /// Both: the longest key, before it is escaped. At most 16 KiB, because a key escaped to three
    /// times its size has to fit into a request target of 64 KiB. Default: 8 KiB.
    pub max_key_bytes: usize,
    /// Both: the largest value. Default: 64 MiB.
    pub max_value_bytes: usize,
    /// Server: what sees requests first. Default: nothing.
    pub(crate) on_request: Option<Hook>,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            base_path: "/_groupcache/".into(),
            connector: Arc::new(TcpConnector),
            connect_timeout: Duration::from_secs(1),
            request_timeout: Duration::from_secs(30),
            client_idle_timeout: Duration::from_secs(60),
            max_connections_per_peer: 256,
            acquire_timeout: Duration::from_secs(30),
            head_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(30),
            server_idle_timeout: Duration::from_secs(120),
            write_timeout: Duration::from_secs(30),
            drain_timeout: Duration::from_secs(10),
            max_connections: 10_000,
            max_requests: 10_000,
            max_streams_per_connection: 256,
            max_frame_bytes: MIN_FRAME,
            stream_window_bytes: 1 << 20,
            connection_window_bytes: 2 << 20,
            max_key_bytes: 8 << 10,
            max_value_bytes: 64 << 20,
            on_request: None,
        }
    }
}

/// The smallest and the largest [`max_frame_bytes`](HttpOptions::max_frame_bytes) of RFC 9113.
const MIN_FRAME: u32 = 1 << 14;
const MAX_FRAME: u32 = (1 << 24) - 1;

/// The smallest window, which is what every connection begins with, and the largest of RFC 9113.
const MIN_WINDOW: u32 = (1 << 16) - 1;
const MAX_WINDOW: u32 = (1 << 31) - 1;

/// Room that a message needs beside the value in it.
const FRAMING: usize = 64;

/// Room that a request needs beside its key: request line, group and headers.
const HEAD_BESIDE_KEY: usize = 16 << 10;

/// The longest base path. With the longest key and the longest group that is served, a request
/// target stays below the 64 KiB that an [`http::Uri`] holds.
const MAX_BASE_PATH: usize = 1 << 10;

/// The longest [`max_key_bytes`](HttpOptions::max_key_bytes).
const MAX_KEY_BYTES: usize = 16 << 10;

impl HttpOptions {
    /// Sets [`base_path`](Self::base_path).
    pub fn base_path(mut self, path: impl Into<String>) -> Self {
        self.base_path = path.into();
        self
    }

    /// Sets [`connector`](Self::connector).
    pub fn connector(mut self, connector: impl Connector) -> Self {
        self.connector = Arc::new(connector);
        self
    }

    /// Sets [`connect_timeout`](Self::connect_timeout).
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// Sets [`request_timeout`](Self::request_timeout).
    pub fn request_timeout(mut self, timeout: Duration) -> Self {
        self.request_timeout = timeout;
        self
    }

    /// Sets [`client_idle_timeout`](Self::client_idle_timeout).
    pub fn client_idle_timeout(mut self, timeout: Duration) -> Self {
        self.client_idle_timeout = timeout;
        self
    }

    /// Sets [`max_connections_per_peer`](Self::max_connections_per_peer).
    pub fn max_connections_per_peer(mut self, connections: usize) -> Self {
        self.max_connections_per_peer = connections;
        self
    }

    /// Sets [`acquire_timeout`](Self::acquire_timeout).
    pub fn acquire_timeout(mut self, timeout: Duration) -> Self {
        self.acquire_timeout = timeout;
        self
    }

    /// Sets [`head_timeout`](Self::head_timeout).
    pub fn head_timeout(mut self, timeout: Duration) -> Self {
        self.head_timeout = timeout;
        self
    }

    /// Sets [`body_timeout`](Self::body_timeout).
    pub fn body_timeout(mut self, timeout: Duration) -> Self {
        self.body_timeout = timeout;
        self
    }

    /// Sets [`server_idle_timeout`](Self::server_idle_timeout).
    pub fn server_idle_timeout(mut self, timeout: Duration) -> Self {
        self.server_idle_timeout = timeout;
        self
    }

    /// Sets [`write_timeout`](Self::write_timeout).
    pub fn write_timeout(mut self, timeout: Duration) -> Self {
        self.write_timeout = timeout;
        self
    }

    /// Sets [`drain_timeout`](Self::drain_timeout).
    pub fn drain_timeout(mut self, timeout: Duration) -> Self {
        self.drain_timeout = timeout;
        self
    }

    /// Sets [`max_connections`](Self::max_connections).
    pub fn max_connections(mut self, connections: usize) -> Self {
        self.max_connections = connections;
        self
    }

    /// Sets [`max_requests`](Self::max_requests).
    pub fn max_requests(mut self, requests: usize) -> Self {
        self.max_requests = requests;
        self
    }

    /// Sets [`max_streams_per_connection`](Self::max_streams_per_connection).
    pub fn max_streams_per_connection(mut self, streams: u32) -> Self {
        self.max_streams_per_connection = streams;
        self
    }

    /// Sets [`max_frame_bytes`](Self::max_frame_bytes).
    pub fn max_frame_bytes(mut self, bytes: u32) -> Self {
        self.max_frame_bytes = bytes;
        self
    }

    /// Sets [`stream_window_bytes`](Self::stream_window_bytes).
    pub fn stream_window_bytes(mut self, bytes: u32) -> Self {
        self.stream_window_bytes = bytes;
        self
    }

    /// Sets [`connection_window_bytes`](Self::connection_window_bytes).
    pub fn connection_window_bytes(mut self, bytes: u32) -> Self {
        self.connection_window_bytes = bytes;
        self
    }

    /// Sets [`max_key_bytes`](Self::max_key_bytes).
    pub fn max_key_bytes(mut self, bytes: usize) -> Self {
        self.max_key_bytes = bytes;
        self
    }

    /// Sets [`max_value_bytes`](Self::max_value_bytes).
    pub fn max_value_bytes(mut self, bytes: usize) -> Self {
        self.max_value_bytes = bytes;
        self
    }

    /// Server: a hook that sees the head of every request of a peer before it is answered, whatever
    /// the protocol, and refuses it or attaches a [`Context`] to it. Default: none.
    ///
    /// The [`PeerService`](crate::PeerService), and so a node's getter, reads the context with
    /// [`Context::current`]. For checks that have to wait for something, wrap the
    /// [`HttpService`](crate::HttpService) in a layer of your own; what that puts into the request's
    /// extensions, the hook sees. A [`Server`](crate::Server) puts there what its
    /// [`Listener`](crate::Listener) knows of the connection, such as the
    /// [`RemoteAddr`](crate::RemoteAddr).
    ///
    /// An error is the answer to the request, which then reaches nobody:
    /// [`Error::status(401, "...")`](Error::status) is that HTTP status, over gRPC
    /// `UNAUTHENTICATED` for 401, `PERMISSION_DENIED` for 403 and `UNKNOWN` for others. The caller
    /// goes on to another node or loads the value itself, as with every answer that is none; in a
    /// protocol where a status has a meaning, as mailgun's 404 and 503, it keeps it. If the hook
    /// panics, that one request is answered with 500.
    ///
    /// The health check and requests that are wrong by their path, method or announced length do
    /// not come to the hook. It is called on the connection's task and should not block.
    ///
    /// ```
    /// use http::header::AUTHORIZATION;
    /// use peers::{Context, Error, HttpOptions};
    ///
    /// struct Tenant(String);
    ///
    /// let options = HttpOptions::default().on_request(|head| {
    ///     let token = head.headers.get(AUTHORIZATION).and_then(|token| token.to_str().ok());
    ///     match token.and_then(|token| token.strip_prefix("Bearer ")) {
    ///         Some(tenant) => Ok(Context::new(Tenant(tenant.to_owned()))),
    ///         None => Err(Error::status(401, "who is asking?")),
    ///     }
    /// });
    /// # let _ = options;
    /// ```
    pub fn on_request(
        mut self,
        hook: impl Fn(&http::request::Parts) -> Result<Context, Error> + Send + Sync + 'static,
    ) -> Self {
        self.on_request = Some(Hook::new(hook));
        self
    }

    /// Checks every field. Whoever takes options calls this.
    ///
    /// # Errors
    ///
    /// [`Error::is_configuration`], naming the field and what is wrong with it.
    pub fn validate(&self) -> Result<(), Error> {
        check_base_path(&self.base_path)?;
        for (name, timeout) in [
            ("connect_timeout", self.connect_timeout),
            ("request_timeout", self.request_timeout),
            ("acquire_timeout", self.acquire_timeout),
            ("client_idle_timeout", self.client_idle_timeout),
            ("head_timeout", self.head_timeout),
            ("body_timeout", self.body_timeout),
            ("server_idle_timeout", self.server_idle_timeout),
            ("write_timeout", self.write_timeout),
        ] {
            // The watchdog looks four times per time-out, and a timer has steps of a millisecond.
            if timeout < Duration::from_millis(4) {
                return Err(Error::invalid_option(name, "it is at least 4 ms"));
            }
        }
        for (name, number, most) in [
            (
                "max_connections_per_peer",
                self.max_connections_per_peer,
                Semaphore::MAX_PERMITS,
            ),
            (
                "max_connections",
                self.max_connections,
                Semaphore::MAX_PERMITS,
            ),
            ("max_requests", self.max_requests, Semaphore::MAX_PERMITS),
            ("max_key_bytes", self.max_key_bytes, MAX_KEY_BYTES),
            (
                "max_value_bytes",
                self.max_value_bytes,
                isize::MAX as usize - FRAMING,
            ),
        ] {
            if !(1..=most).contains(&number) {
                return Err(Error::invalid_option(
                    name,
                    format!("it is from 1 to {most}"),
                ));
            }
        }
        for (name, number, least, most) in [
            (
                "max_streams_per_connection",
                self.max_streams_per_connection,
                1,
                u32::MAX,
            ),
            (
                "max_frame_bytes",
                self.max_frame_bytes,
                MIN_FRAME,
                MAX_FRAME,
            ),
            (
                "stream_window_bytes",
                self.stream_window_bytes,
                MIN_WINDOW,
                MAX_WINDOW,
            ),
            (
                "connection_window_bytes",
                self.connection_window_bytes,
                MIN_WINDOW,
                MAX_WINDOW,
            ),
        ] {
            if !(least..=most).contains(&number) {
                return Err(Error::invalid_option(
                    name,
                    format!("it is from {least} to {most}"),
                ));
            }
        }
        Ok(())
    }

    /// The longest body of an answer, or of a PUT, that carries a value.
    pub(crate) fn max_body_bytes(&self) -> usize {
        self.max_value_bytes + FRAMING
    }

    /// The longest head of a request.
    pub(crate) fn max_head_bytes(&self) -> usize {
        3 * self.max_key_bytes + HEAD_BESIDE_KEY
    }
}

fn check_base_path(path: &str) -> Result<(), Error> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    let reason = if !path.starts_with('/') || !path.ends_with('/') {
        "it begins and ends with a slash"
    } else if path.contains("//") {
        "it has no empty segment"
    } else if path
        .split('/')
        .any(|segment| segment == "." || segment == "..")
    {
        "it has no segment `.` or `..`"
    } else if !path.bytes().all(allowed) {
        "it is made of A-Z a-z 0-9 - . _ ~ and slashes"
    } else if path.len() > MAX_BASE_PATH {
        "it is at most 1024 bytes long"
    } else {
        return Ok(());
    };
    Err(Error::invalid_option(
        "base_path",
        format!("{reason}; given was {path:?}"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_valid() {
        HttpOptions::default().validate().unwrap();
    }

    #[test]
    fn what_cannot_work_is_refused_by_name() {
        let options = HttpOptions::default;
        let long = format!("/{}/", "x".repeat(MAX_BASE_PATH));
        for (name, options) in [
            ("base_path", options().base_path("")),
            ("base_path", options().base_path("_groupcache/")),
            ("base_path", options().base_path("/_groupcache")),
            ("base_path", options().base_path("//")),
            ("base_path", options().base_path("/a/../b/")),
            ("base_path", options().base_path("/a b/")),
            ("base_path", options().base_path("/%61/")),
            ("base_path", options().base_path(long)),
            ("connect_timeout", options().connect_timeout(Duration::ZERO)),
            ("request_timeout", options().request_timeout(Duration::ZERO)),
            (
                "client_idle_timeout",
                options().client_idle_timeout(Duration::ZERO),
            ),
            ("head_timeout", options().head_timeout(Duration::ZERO)),
            ("body_timeout", options().body_timeout(Duration::ZERO)),
            (
                "server_idle_timeout",
                options().server_idle_timeout(Duration::ZERO),
            ),
            (
                "write_timeout",
                options().write_timeout(Duration::from_millis(3)),
            ),
            (
                "max_connections_per_peer",
                options().max_connections_per_peer(0),
            ),
            ("max_connections", options().max_connections(usize::MAX)),
            ("max_requests", options().max_requests(0)),
            (
                "max_streams_per_connection",
                options().max_streams_per_connection(0),
            ),
            ("max_frame_bytes", options().max_frame_bytes(MIN_FRAME - 1)),
            ("max_frame_bytes", options().max_frame_bytes(MAX_FRAME + 1)),
            (
                "stream_window_bytes",
                options().stream_window_bytes(MIN_WINDOW - 1),
            ),
            (
                "connection_window_bytes",
                options().connection_window_bytes(MAX_WINDOW + 1),
            ),
            ("max_key_bytes", options().max_key_bytes(MAX_KEY_BYTES + 1)),
            ("max_value_bytes", options().max_value_bytes(usize::MAX)),
        ] {
            let error = options.validate().unwrap_err();
            assert!(error.is_configuration());
            assert!(error.to_string().contains(name), "{name}: {error}");
        }
    }

    #[test]
    fn a_request_with_the_longest_key_and_base_path_fits_into_a_uri() {
        let target = MAX_BASE_PATH + 3 * MAX_KEY_BYTES;
        assert!(target + (HEAD_BESIDE_KEY - MAX_BASE_PATH) <= 64 << 10);
    }
}
