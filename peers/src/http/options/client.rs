use std::sync::Arc;
use std::time::Duration;

use super::http_options::HttpOptions;
use crate::http::client::Connector;

/// # The client side: asking peers
impl HttpOptions {
    /// How connections are made. Default: [`TcpConnector`](crate::TcpConnector), for `http` URLs.
    pub fn connector(mut self, connector: impl Connector) -> Self {
        self.connector = Arc::new(connector);
        self
    }

    /// The longest time to make a connection. Default: 1 s.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// The longest time for a whole exchange: the connection that has to be made for it, the request,
    /// and the answer to its last byte. It has to be longer than the slowest load. A peer that hangs
    /// is found out much sooner, by [liveness checks](crate::CircuitOptions::silence). Default: 30 s.
    pub fn request_timeout(mut self, timeout: Duration) -> Self {
        self.request_timeout = timeout;
        self
    }

    /// How long an unused connection is kept for the next exchange. Keep it below the peers'
    /// [`server_idle_timeout`](Self::server_idle_timeout). Default: 60 s.
    pub fn client_idle_timeout(mut self, timeout: Duration) -> Self {
        self.client_idle_timeout = timeout;
        self
    }

    /// The most connections of HTTP/1.1 to one peer for gets, which may wait for loads, and so the most gets
    /// from it at one time; on the native protocol's stream
    /// [`max_calls_per_connection`](Self::max_calls_per_connection) is the limit. Further ones wait for a permit; a get that a getter makes does not wait, and its
    /// value is loaded on this node. Default: 256.
    pub fn max_connections_per_peer(mut self, connections: usize) -> Self {
        self.max_connections_per_peer = connections;
        self
    }

    /// Further connections of HTTP/1.1 to one peer for exchanges that wait for no load: removals, sets, clears,
    /// and peeks. While no connection for gets is free, the native protocol and galaxycache's look by a peek
    /// whether the peer has the value in memory. Default: 32.
    pub fn reserved_connections_per_peer(mut self, connections: usize) -> Self {
        self.reserved_connections_per_peer = connections;
        self
    }

    /// The longest wait for a permit, after which the exchange is refused with an error that
    /// [`is_overloaded`](crate::Error::is_overloaded). The circuit does not count it.
    /// Default: 30 s.
    pub fn acquire_timeout(mut self, timeout: Duration) -> Self {
        self.acquire_timeout = timeout;
        self
    }

    /// Whether nodes that speak the native protocol call each other over one connection that carries many
    /// calls at once. Where a peer refuses, and with `false`, they use plain HTTP, with one connection for
    /// each call under way. A node with a hook on [requests](Self::on_request) refuses. Default: `true`.
    pub fn multiplexing(mut self, multiplexing: bool) -> Self {
        self.multiplexing = multiplexing;
        self
    }

    /// How long a peer that has refused a multiplexed connection is spoken to over plain HTTP before it is
    /// asked again. Default: 60 s.
    pub fn upgrade_pause(mut self, pause: Duration) -> Self {
        self.upgrade_pause = pause;
        self
    }
}
