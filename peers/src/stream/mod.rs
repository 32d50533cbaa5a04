//! The stream toolkit: many calls at once over one connection, answered as they finish.
//!
//! A [`frame`] is the unit on the wire. An [`outbox`] writes messages as frames, small ones together
//! and large ones in turns; an [`inbox`] puts the messages of the other side together again. The
//! [`caller`] asks, the [`server`] answers. The toolkit knows no protocol: what a message of a call
//! says is the protocol's. `STREAM.md` in this crate describes the bytes.

pub(crate) mod caller;
pub(crate) mod fields;
pub(crate) mod frame;
mod hello;
mod inbox;
pub(crate) mod limits;
mod message;
mod outbox;
mod partial;
mod queue;
#[cfg(test)]
mod round_trip;
pub(crate) mod server;
pub(crate) mod traced;

pub(crate) use hello::Hello;
pub(crate) use message::{Message, Payload};
