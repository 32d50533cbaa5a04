//! Remove, set and clear: every node removes or replaces its value of a key.
//!
//! | file | |
//! |---|---|
//! | `initiate` | begins a change, and sends it to all nodes |
//! | `apply` | makes a change on this node |
//! | `send` | sends a change to several peers at the same time |
//! | `leases` | waits for the copies of those who were not told |
//! | `relay` | passes a change on to members that its sender does not know |
//! | `passed_on` | which changes were passed on already |
//!
//! [`peers::Coherence`] holds what a node knows of changes; `node::exchanges` repairs what did not reach a peer.

mod apply;
mod initiate;
mod leases;
mod passed_on;
mod relay;
mod send;

pub(super) use initiate::{name_once, verdict};
pub(super) use passed_on::PassedOn;
pub(super) use send::Change;
