//! ipronko/groupcache: raw bytes over HTTP, DELETE, and POST to warm up. No expiry.
//!
//! Its server splits paths at every slash, so the protocol cannot carry a key with a slash. Nor can it
//! carry the key `health`, which asks for the node's health in every group.

mod client;
mod server;
mod wire;

pub(crate) use client::IpronkoClient;
pub(crate) use server::{answer, is_health_check};
