//! The server side: connections from peers, and what all of them are held to.

mod accepted;
pub(crate) mod catch_unwind;
mod detect;
mod hook;
mod inbound;
mod inbound_connections;
mod limited;
mod listener;
mod page;
mod page_streams;
mod receive;
mod request_turns;
mod reserve;
mod rest;
#[allow(
    clippy::module_inception,
    reason = "the room is named after its main type"
)]
mod server;
mod upgrade;
mod watchdog;

pub use accepted::{Accepted, RemoteAddr};
pub(crate) use hook::Hook;
pub(crate) use inbound::InboundRequest;
pub use inbound_connections::InboundConnections;
pub(crate) use limited::Limited;
pub use listener::{Listener, listen};
pub use page::Page;
pub(crate) use page_streams::PageStreams;
pub(crate) use receive::{Received, receive};
pub(crate) use request_turns::RequestTurns;
pub use server::Server;
pub(crate) use upgrade::{UpgradedConnection, upgrade};
