//! The HTTP toolkit, on which the protocols stand: options, bodies, paths and errors here, connections
//! to a peer in `client`, connections from peers in `server`. It knows no protocol.

mod addressee;
mod body;
mod body_budget;
pub(crate) mod client;
pub(crate) mod failure;
mod gathered;
mod known_places;
mod options;
pub(crate) mod path;
pub(crate) mod server;
mod spare;
pub(crate) mod trace_headers;
mod validity;

pub(crate) use addressee::Addressee;
pub use body::Body;
pub(crate) use body_budget::{BodyBudget, Share};
pub use client::{Connected, Connector, Destination, Io, TcpConnector};
pub(crate) use gathered::Gathered;
pub(crate) use known_places::known_places;
pub use options::HttpOptions;
pub use server::{Accepted, InboundConnections, Listener, Page, RemoteAddr, Server, listen};
pub(crate) use spare::Recycled;
#[cfg(feature = "tls")]
pub(crate) use validity::Credential;
pub(crate) use validity::Validity;

/// Where load balancers and peers ask whether the server is there.
pub(crate) const HEALTH: &str = "/healthz";

/// The longest list of keys that is sent at once; servers accept twice as much. Decoded, a list of
/// very short keys takes many times the memory of its message.
pub(crate) const MAX_KEYS_BYTES: usize = 1 << 20;

/// The longest list of any other kind that is sent or accepted.
pub(crate) const MAX_LIST_BYTES: usize = 4 << 20;
