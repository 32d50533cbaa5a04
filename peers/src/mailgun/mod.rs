//! mailgun/groupcache: golang's exchanges with an expiry, PUT and DELETE, and two statuses that
//! are final for the caller: 404 for "not found", 503 for "the getter failed". At any other status a Go
//! caller loads the value itself.
//!
//! So "no such group", for which mailgun's own server sends 404, is a 500 here: a caller would take a
//! 404 to mean that the key has no value.
//!
//! The messages and both sides of the exchanges stand in [`protobuf`](crate::protobuf), because
//! groupcache-go has them too.

mod client;
mod server;

pub(crate) use client::client;
pub(crate) use server::answer;
