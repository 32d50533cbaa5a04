use std::time::Duration;

use super::http_options::HttpOptions;
use crate::http::server::{Hook, Page};
use crate::{Context, Error};

/// # The server side: answering peers
impl HttpOptions {
    /// The longest time from the first byte of a request's head to its last, after which the connection
    /// is closed. Default: 10 s. Over HTTP/2, where heads come between other frames, a connection that
    /// never completes one counts as idle.
    ///
    /// The server checks this and the next two options by a timer, four times in the shortest of the three:
    /// a connection may live that quarter longer.
    pub fn head_timeout(mut self, timeout: Duration) -> Self {
        self.head_timeout = timeout;
        self
    }

    /// How long an unused connection is kept. Go's clients keep theirs for 90 s, and
    /// fail a request when the server closes first. Default: 120 s.
    pub fn server_idle_timeout(mut self, timeout: Duration) -> Self {
        self.server_idle_timeout = timeout;
        self
    }

    /// How long a client may leave the rest of its answer unread before its connection is closed.
    /// Default: 30 s. Over HTTP/2: the rest of all its answers.
    pub fn write_timeout(mut self, timeout: Duration) -> Self {
        self.write_timeout = timeout;
        self
    }

    /// The longest time that the body of a request may take to arrive, after which the answer is 408.
    /// Default: 30 s.
    pub fn body_timeout(mut self, timeout: Duration) -> Self {
        self.body_timeout = timeout;
        self
    }

    /// How long [`Server::shutdown`](crate::Server::shutdown) waits for requests that are being answered. A
    /// connection whose credentials count no more has the same time. Default: 10 s.
    pub fn drain_timeout(mut self, timeout: Duration) -> Self {
        self.drain_timeout = timeout;
        self
    }

    /// The most open connections; further ones wait in the listener's backlog. A reserve of 64 more
    /// connections answers liveness checks, and any other request as soon as a regular connection has
    /// closed. Default: 10,000.
    ///
    /// An idle connection takes about 6 KiB of memory. One with a request takes at most two buffers as long as the longest
    /// head, which is 16 KiB and three times the [longest key](Self::max_key_bytes), and 64 KiB for a body that is yet to come. With
    /// the defaults 10,000 connections, however hostile, take less than 1.4 GiB, beside the
    /// [bodies](Self::max_body_bytes_in_flight) themselves; the allocator may keep what a flood has left for later.
    pub fn max_connections(mut self, connections: usize) -> Self {
        self.max_connections = connections;
        self
    }

    /// How many connections may wait in the listener's backlog, as far as the operating system allows.
    /// Default: 4,096.
    pub fn backlog(mut self, connections: u32) -> Self {
        self.backlog = connections;
        self
    }

    /// The most requests that are answered at one time. As many more wait, for up to
    /// [`request_queue_timeout`](Self::request_queue_timeout), and the oldest is the next. Others get the answer "overloaded", which no
    /// peer of ours takes elsewhere. A request whose body has not come yet does not count. Default: 10,000.
    pub fn max_requests(mut self, requests: usize) -> Self {
        self.max_requests = requests;
        self
    }

    /// How long a request waits while [`max_requests`](Self::max_requests) others are answered; at most a tenth of the
    /// [`request_timeout`](Self::request_timeout) after which peers go elsewhere. Zero: not at all. Default: 500 ms.
    pub fn request_queue_timeout(mut self, timeout: Duration) -> Self {
        self.request_queue_timeout = timeout;
        self
    }

    /// How long a request does wait: [`request_queue_timeout`](Self::request_queue_timeout), within its limit.
    pub fn request_queue_patience(&self) -> Duration {
        self.request_queue_timeout.min(self.request_timeout / 10)
    }

    /// The most requests at one time on one connection of HTTP/2; the client holds further ones back.
    /// Default: 256.
    pub fn max_streams_per_connection(mut self, streams: u32) -> Self {
        self.max_streams_per_connection = streams;
        self
    }

    /// A [`Page`] for others than peers on the same port. Its path goes before the [`base_path`](Self::base_path). Default:
    /// none.
    pub fn page(mut self, page: Page) -> Self {
        self.pages.push(page);
        self
    }

    /// The most [streams](crate::Body::stream) of pages that are open at one time; the request for one more is answered
    /// with 503. Default: 64.
    pub fn max_page_streams(mut self, streams: usize) -> Self {
        self.max_page_streams = streams;
        self
    }

    /// A hook that sees the head of every request of a peer, in every protocol, and of every request for a
    /// [page](Self::page) before the request is answered, and refuses the request or attaches a [`Context`] to it.
    /// Default: none.
    ///
    /// The [`PeerService`](crate::PeerService), and so a node's getter, reads the context with
    /// [`Context::current`]. For checks that have to wait for something, wrap the
    /// [`HttpService`](crate::HttpService) in a layer of your own; the hook sees the request's
    /// extensions, into which a layer may write. A [`Server`](crate::Server) writes there what its
    /// [`Listener`](crate::Listener) knows of the connection, such as the
    /// [`RemoteAddr`](crate::RemoteAddr).
    ///
    /// An error becomes the answer to the request, which then goes no further:
    /// [`Error::status(401, "...")`](Error::status) is that HTTP status, over gRPC
    /// `UNAUTHENTICATED` for 401, `PERMISSION_DENIED` for 403 and `UNKNOWN` for others. The caller
    /// goes on to another node or loads the value itself; a status that has a meaning in the protocol,
    /// as mailgun's 404 and 503, keeps that meaning. If the hook panics, that one request is answered
    /// with 500.
    ///
    /// A node with a hook refuses the native protocol's [stream](Self::multiplexing), whose calls have no head,
    /// so that its peers use plain HTTP.
    ///
    /// The context's place in a [trace](crate::TraceContext) is the one that the request names, unless the hook gives it
    /// another.
    ///
    /// The hook does not see health checks, and requests that are wrong by their path, method or
    /// announced length. It is called on the connection's task and should not block.
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
}
