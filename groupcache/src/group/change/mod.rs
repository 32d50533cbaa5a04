//! Remove, set and clear: every node takes out or replaces what it holds of a key, fenced against
//! the loads under way.
//!
//! | file | |
//! |---|---|
//! | `initiate` | sends a change through the cluster, in two phases |
//! | `apply` | makes a change on this node |
//! | `send` | sends one phase to several peers at the same time |
//! | `hints` | delivers to a peer what it could not be sent |
//! | `anti_entropy` | pulls from a peer what this node has missed |
//!
//! What each node knows of changes, and the rules by which the last two work, are
//! [`peers::Coherence`]'s.

mod anti_entropy;
mod apply;
mod hints;
mod initiate;
mod send;

/// The time that the rules of coherence go by.
fn now() -> std::time::Instant {
    tokio::time::Instant::now().into_std()
}
