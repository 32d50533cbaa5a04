//! The side that asks.

mod connection;
mod driver;
mod exchange;
mod handshake;
mod shared;
mod slots;
mod stream_client;

pub(crate) use slots::Answer;
pub(crate) use stream_client::{Again, Called, StreamClient};
