//! Fakes for tests: a [`Network`] without ports, a [`FakePeer`] that follows a script, and a [`Registry`] by which
//! nodes find each other.
//!
//! Real clients and real servers run over the simulated network, so that what is tested is what
//! runs in production. Together with tokio's paused time (`#[tokio::test(start_paused = true)]`) a
//! test of a time-out of ten seconds takes none.
//!
//! ```
//! use std::sync::Arc;
//! use peers::testing::{FakePeer, Network};
//! use peers::{
//!     GetMode, GetRequest, HttpOptions, HttpService, HttpTransport, Member, Protocol, Reply,
//!     Server, Transport,
//! };
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build()?
//! # .block_on(async {
//! let network = Network::new();
//!
//! // A node at 10.0.0.1 that has a value for every key.
//! let peer = FakePeer::new(|request| {
//!     Ok(Reply { value: request.key.to_vec().into(), ..Reply::default() })
//! });
//! let service = HttpService::new(Arc::new(peer), Protocol::Golang, HttpOptions::default())?;
//! let server = Server::start(network.listen("10.0.0.1:8080")?, service)?;
//!
//! // A client at 10.0.0.2 asks it.
//! let options = HttpOptions::default().connector(network.connector("10.0.0.2:8080"));
//! let client = HttpTransport::new(Protocol::Golang, options)?
//!     .dial(&Member::new("http://10.0.0.1:8080")?)?;
//! let request = GetRequest { group: "g", key: b"cat", mode: GetMode::Load, known: &[] };
//! assert_eq!(client.get(request).await?.value, "cat");
//!
//! network.partition("10.0.0.1:8080", "10.0.0.2:8080");
//! assert!(client.get(request).await.unwrap_err().is_timeout());
//! # server.shutdown().await;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod fake_peer;
mod network;
mod registry;

pub use fake_peer::{Asked, FakePeer};
pub use network::{Network, NetworkConnector, NetworkListener};
pub use registry::{Registry, RegistrySource};
