//! golang/groupcache: protobuf over HTTP, GET and nothing else.

mod client;
mod server;
mod wire;

pub(crate) use client::GolangClient;
pub(crate) use server::answer;
