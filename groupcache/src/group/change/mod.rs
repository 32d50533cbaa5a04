//! Remove, set and clear: every node removes or replaces its value of a key, fenced against the loads
//! under way.
//!
//! | file | |
//! |---|---|
//! | `initiate` | sends a change through the cluster, in two phases |
//! | `apply` | makes a change on this node |
//! | `send` | sends one phase to several peers at the same time |
//! | `hints` | delivers the changes that did not reach a peer |
//! | `anti_entropy` | pulls from a peer what this node has missed |
//!
//! [`peers::Coherence`] holds what a node knows of changes, and the rules of the last two files.

mod anti_entropy;
mod apply;
mod hints;
mod initiate;
mod send;

pub(super) use initiate::{name_once, verdict};

/// The time for the rules of coherence.
fn now() -> std::time::Instant {
    tokio::time::Instant::now().into_std()
}
