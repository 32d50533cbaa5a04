//! The native protocol over a multiplexed stream. `STREAM.md` in this crate describes the bytes.

mod client;
mod server;
mod wire;

pub(super) use client::StreamForm;
pub(crate) use server::{StreamService, is_wanted, serve, switching};

/// What a client asks for in the header `Upgrade`.
const PROTOCOL: &str = "groupcache-stream/1";
