//! How a node hands values over.

use std::time::Duration;

use peers::{Error, Peer};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use crate::Group;

/// How many members are offered values at a time.
const AT_ONCE: usize = 4;

/// How values are handed over.
#[derive(Debug)]
pub(super) struct HandOver {
    /// `None`: they are not.
    pub(super) runtime: Option<Handle>,
    /// The most bytes of values of a group that are offered at a time.
    pub(super) most_bytes: usize,
    /// How long this node takes at most to leave.
    pub(super) leave_timeout: Duration,
    /// One for each member that is offered values.
    pub(super) turns: Semaphore,
}

impl HandOver {
    pub(super) fn new(runtime: Option<Handle>, most_bytes: usize, leave_timeout: Duration) -> Self {
        Self {
            runtime,
            most_bytes,
            leave_timeout,
            turns: Semaphore::new(AT_ONCE),
        }
    }
}

/// Notes that a peer has not taken what it was offered.
pub(super) fn not_taken(group: &Group, peer: &Peer, error: &Error) {
    let (group, peer) = (group.name(), peer.member());
    tracing::debug!(group, %peer, %error, "values are not taken");
}
