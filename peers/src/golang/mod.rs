//! golang/groupcache: protobuf over HTTP, GET alone.

mod client;
mod server;
mod wire;

pub(crate) use client::GolangClient;
pub(crate) use server::answer;
