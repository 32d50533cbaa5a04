//! Find peers and talk to them: routing, transports and wire formats of the groupcache family.
//!
//! A *member* of the cluster is `{ id, url }` ([`Member`]). A [`Router`] keeps the current
//! [`Routes`]: an immutable snapshot of the ring of members, each a [`Peer`] with a connected
//! [`PeerClient`] and a [`Circuit`] of its own. A [`Transport`] turns a member into a client; a
//! [`PeerService`] is the other side, what a server asks of the node that owns it.
#![forbid(unsafe_code)]
#![cfg_attr(not(test), warn(clippy::unwrap_used, clippy::expect_used))]

mod circuit;
mod client;
mod coherence;
mod context;
mod error;
mod galaxycache;
mod golang;
mod groupcache_go;
mod http;
mod ipronko;
mod mailgun;
mod member;
mod message;
mod native;
mod peer;
mod protocol;
mod pulse;
mod router;
mod routes;
mod service;
#[cfg(feature = "testing")]
pub mod testing;
mod transport;

/// The crate of rings, whose [`Scheme`](consistenthash::Scheme) a [`Router`] is given.
pub use consistenthash;

pub use circuit::{Circuit, CircuitOptions};
pub use client::PeerClient;
pub use coherence::{Coherence, CoherenceOptions, Hint, Missed, Pull, Scope};
pub use context::Context;
pub use error::Error;
pub use http::{
    Accepted, Body, Connector, HttpOptions, HttpService, HttpTransport, Io, Listener, RemoteAddr,
    Server, TcpConnector,
};
pub use member::Member;
pub use message::{
    Changes, ChangesRequest, GetMode, GetRequest, LogPosition, LoggedChange, Phase, RemoveRequest,
    Reply, SetRequest,
};
pub use peer::Peer;
pub use protocol::Protocol;
pub use router::{FormerOwner, Router};
pub use routes::Routes;
pub use service::PeerService;
pub use transport::Transport;

/// A boxed future, as the object-safe seams of this crate return it.
pub type BoxFuture<'a, T> = std::pin::Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Compiles and runs the README's example.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
