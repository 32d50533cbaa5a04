//! The client side: connections to one peer, and exchanges over them.

mod answer;
#[cfg(any(feature = "groupcache-go", feature = "ipronko", feature = "mailgun"))]
pub(crate) mod concurrently;
mod connected;
mod connection_limit;
pub(crate) mod connector;
mod destination;
mod http_client;
mod io;
mod peer_clock;
mod pool;
mod receive;
mod refusal;

pub(crate) use answer::Answer;
pub use connected::Connected;
#[cfg(feature = "grpc")]
pub(crate) use connection_limit::ConnectionLimit;
pub(crate) use connection_limit::Lane;
pub use connector::{Connector, TcpConnector};
pub use destination::Destination;
pub(crate) use http_client::{AnswerLimit, HttpClient, Upgraded};
pub use io::Io;
#[cfg(feature = "grpc")]
pub(crate) use refusal::refusal;
