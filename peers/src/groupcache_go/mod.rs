//! groupcache-go, version 3: mailgun's exchanges, and one that removes several keys.

mod client;
mod server;
mod wire;

pub(crate) use client::GroupcacheGoClient;
pub(crate) use server::answer;
