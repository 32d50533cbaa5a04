//! TLS: certificates and their reload, and encrypted connections both ways.
//!
//! Connections are made by any [`Connector`](crate::Connector) and accepted by any
//! [`Listener`](crate::Listener); this room wraps both.

mod certificates;
mod connector;
mod dialled;
mod http_options;
mod listener;
mod peer_certificate;
mod pem;
mod refusal;
mod server_name;
mod settings;
mod shown_chain;

pub use certificates::Certificates;
pub use connector::TlsConnector;
pub use listener::TlsListener;
pub use peer_certificate::PeerCertificate;
pub use server_name::ServerName;
pub use settings::{ClientAuth, ExpectedName, Tls};
