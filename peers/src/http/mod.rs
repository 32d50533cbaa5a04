//! The HTTP toolkit, on which the protocols stand: options, bodies, paths and errors here, connections
//! to a peer in `client`, connections from peers in `server`. It knows no protocol.

mod addressee;
mod body;
mod body_budget;
pub(crate) mod client;
pub(crate) mod failure;
mod options;
pub(crate) mod path;
pub(crate) mod server;
mod spare;

pub(crate) use addressee::Addressee;
pub use body::Body;
pub(crate) use body_budget::{BodyBudget, Share};
pub use client::{Connector, Destination, Io, TcpConnector};
pub use options::HttpOptions;
pub use server::{Accepted, InboundConnections, Listener, Page, RemoteAddr, Server, listen};
pub(crate) use spare::Recycled;

/// Where load balancers and peers ask whether the server is there.
pub(crate) const HEALTH: &str = "/healthz";

/// The longest list of keys that is sent at once; servers accept twice as much. Decoded, a list of
/// very short keys takes many times the memory of its message.
pub(crate) const MAX_KEYS_BYTES: usize = 1 << 20;
