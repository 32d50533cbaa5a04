//! ipronko/groupcache: raw bytes over HTTP, DELETE, and POST to warm up. No expiry.
//!
//! Its paths are split at every slash, so a key with one cannot be said; neither can the key
//! `health`, which asks for the node's health in every group.

mod client;
mod server;
mod wire;

pub(crate) use client::IpronkoClient;
pub(crate) use server::answer;
