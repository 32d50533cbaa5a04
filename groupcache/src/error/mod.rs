//! The error type: its kinds, and how it comes from and goes to getters and peers.

#[cfg(feature = "axum")]
mod axum;
mod conversions;
#[allow(
    clippy::module_inception,
    reason = "the room is named after its main type"
)]
mod error;
mod error_kind;
mod failed_peer;

pub use error::Error;
pub use error_kind::ErrorKind;
pub use failed_peer::FailedPeer;
