//! Who owns a key, how the owner is reached, and whether it is well.
//!
//! A [`Router`] keeps the current [`Routes`], an immutable snapshot of the ring of members. Each is a
//! [`Peer`] with its client, its [`Circuit`] and the liveness checks that tell a slow peer from one
//! that hangs.

mod circuit;
mod circuit_options;
mod former;
mod get_many;
mod liveness;
mod peer;
mod peer_status;
mod router;
mod routes;
mod turnover;

pub use circuit::Circuit;
pub use circuit_options::CircuitOptions;
pub use peer::Peer;
pub use peer_status::{Health, PeerStatus};
pub use router::Router;
pub use routes::Routes;
