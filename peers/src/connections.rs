/// The connections of this node to one peer, at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Connections {
    /// How exchanges share connections.
    pub wire: Wire,
    /// The connections that are open.
    pub open: usize,
    /// Of these, connections without an exchange.
    pub idle: usize,
    /// Whether the peer has refused the multiplexed stream lately, so that exchanges use pooled connections.
    pub stream_refused: bool,
}

/// How exchanges share the connections to a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum Wire {
    /// All exchanges share one connection of the native protocol, opened by an upgrade.
    Stream,
    /// An exchange has a connection of HTTP/1.1 to itself, and gives it back to a pool.
    PooledHttp,
    /// All exchanges share one connection of HTTP/2.
    Http2,
}

impl Connections {
    /// Connections of this kind, in use or idle.
    pub fn new(wire: Wire, open: usize, idle: usize) -> Self {
        Self {
            wire,
            open,
            idle,
            stream_refused: false,
        }
    }

    /// The same with a peer that has refused the stream.
    pub fn stream_refused(mut self) -> Self {
        self.stream_refused = true;
        self
    }
}
