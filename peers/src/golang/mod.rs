//! golang/groupcache: protobuf over HTTP. [`Protocol::Native`](crate::Protocol) is, for now, the
//! same exchanges with two differences: a plus sign in a path is itself, and the expiry is sent.

mod client;
mod server;
mod wire;

pub(crate) use client::GolangClient;
pub(crate) use server::answer;
