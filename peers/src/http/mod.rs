//! What all protocols over HTTP share: options, connections, limits, time-outs, the server.
//!
//! Client side: [`HttpTransport`] makes a [`Caller`](caller::Caller) per peer, which keeps a pool of
//! connections and carries one request and its answer. Server side: a [`Server`] accepts
//! connections and watches over them; [`HttpService`] routes each request to its protocol.

mod accepted;
mod body;
pub(crate) mod caller;
pub(crate) mod concurrently;
mod connector;
mod detect;
mod dialect;
pub(crate) mod failure;
mod hook;
mod listener;
mod options;
pub(crate) mod path;
pub(crate) mod phase;
mod pool;
pub(crate) mod question;
pub(crate) mod receive;
mod server;
mod service;
#[cfg(feature = "tower")]
mod tower;
mod transport;
pub(crate) mod turns;
mod unwind;
mod watchdog;

pub use accepted::{Accepted, RemoteAddr};
pub use body::Body;
pub use connector::{Connector, Io, TcpConnector};
pub use listener::Listener;
pub use options::HttpOptions;
pub use server::Server;
pub use service::HttpService;
pub use transport::HttpTransport;

/// Where load balancers and peers ask whether the server is there.
pub(crate) const HEALTH: &str = "/healthz";

/// Our extension: how far the peer may go, where that is not all the way. Nodes of other
/// implementations ignore it and load the value.
pub(crate) const MODE: http::HeaderName = http::HeaderName::from_static("x-groupcache-mode");
/// The value of [`MODE`] that says [`GetMode::Peek`](crate::GetMode::Peek).
pub(crate) const PEEK: &str = "peek";
/// The value of [`MODE`] that says [`GetMode::WarmUp`](crate::GetMode::WarmUp).
pub(crate) const WARM_UP: &str = "warm-up";
