//! The spans of gets and changes, and how a trace goes on from node to node.
//!
//! `spans` has the spans, `recorded` the work in them, `outcome` what they say of its end. `asking` takes
//! the trace along to a peer, and `bridge` translates between the words of requests and those of the tracing layer.

mod asking;
mod bridge;
mod outcome;
mod recorded;
pub(crate) mod spans;

pub(crate) use asking::asking;
pub(crate) use recorded::{recorded, recorded_now};
