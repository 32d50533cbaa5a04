//! mailgun/groupcache: golang's exchanges with an expiry, PUT and DELETE, and two statuses that
//! are final for the caller: 404 for "not found", 503 for "the getter failed". Everything else has
//! a Go caller load the value itself.
//!
//! Hence "no such group", which mailgun's own server says with 404, is a 500 here: its caller would
//! take a node that lacks the group for one that has looked and not found the key.

mod client;
mod server;
pub(crate) mod wire;

pub(crate) use client::MailgunClient;
pub(crate) use server::{answer, status};
