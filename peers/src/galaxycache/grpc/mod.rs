//! galaxycache over gRPC: the service `galaxycachepb.GalaxyCache`, its methods `GetFromPeer` and
//! `PeekPeer`, on the same port as everything else.

mod channel;
mod client;
mod failure;
mod server;
mod wire;

pub(crate) use client::GrpcClient;
pub(crate) use server::{answer, effect, is_ours, panicked, refused};
