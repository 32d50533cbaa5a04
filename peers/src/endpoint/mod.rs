//! The endpoint: one port for every protocol, and the transport that dials with one of them.

mod admission;
mod dialect;
mod pages;
mod service;
#[cfg(feature = "tower")]
mod tower;
mod transport;

pub use service::HttpService;
pub use transport::HttpTransport;
