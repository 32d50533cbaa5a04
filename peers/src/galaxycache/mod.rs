//! galaxycache over HTTP: raw bytes; the expiry, to the nanosecond, in the header `Expires`; one path
//! to fetch and one to peek; and a header that tells "no such key" from "no such galaxy", which is
//! its word for a group. There is no way to set or to remove.

mod client;
#[cfg(feature = "grpc")]
pub(crate) mod grpc;
mod server;
mod wire;

pub(crate) use client::GalaxycacheClient;
pub(crate) use server::answer;

/// The path of keys that are to be loaded.
pub(crate) const FETCH: &str = "/_galaxycache/";
/// The path of keys that are only to be looked up.
pub(crate) const PEEK: &str = "/_galaxycache_peek/";
