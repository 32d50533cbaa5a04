//! How a node hands values over.

use std::collections::HashMap;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use parking_lot::Mutex;
use peers::{Error, Peer};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use crate::Group;

/// How many offers are under way at a time.
const AT_ONCE: usize = 8;

/// How values are handed over.
#[derive(Debug)]
pub(super) struct HandOver {
    /// `None`: they are not.
    pub(super) runtime: Option<Handle>,
    /// The most bytes of values of a group that are offered at a time.
    pub(super) most_bytes: usize,
    /// How long this node takes at most to leave.
    pub(super) leave_timeout: Duration,
    /// One for each member that is being offered values.
    pub(super) turns: Semaphore,
    /// The members that are being offered what they own, since they have started, and whether they have started again.
    newcomers: Mutex<HashMap<Box<str>, bool>>,
    /// Whether this node has left.
    pub(super) has_left: AtomicBool,
}

impl HandOver {
    pub(super) fn new(runtime: Option<Handle>, most_bytes: usize, leave_timeout: Duration) -> Self {
        Self {
            runtime,
            most_bytes,
            leave_timeout,
            turns: Semaphore::new(AT_ONCE),
            newcomers: Mutex::default(),
            has_left: AtomicBool::new(false),
        }
    }

    /// Notes that a member is to be offered values. Returns whether somebody has to begin with that.
    pub(super) fn begin(&self, member: &str) -> bool {
        let mut newcomers = self.newcomers.lock();
        match newcomers.get_mut(member) {
            Some(again) => *again = true,
            None => drop(newcomers.insert(member.into(), false)),
        }
        newcomers.get(member) == Some(&false)
    }

    /// Notes that a member has been offered values. Returns whether it has not started again meanwhile.
    pub(super) fn is_over(&self, member: &str) -> bool {
        let mut newcomers = self.newcomers.lock();
        match newcomers.get_mut(member) {
            Some(again) if *again => *again = false,
            _ => drop(newcomers.remove(member)),
        }
        !newcomers.contains_key(member)
    }
}

/// Notes that a peer has not taken what it was offered.
pub(super) fn not_taken(group: &Group, peer: &Peer, error: &Error) {
    let (group, peer) = (group.name(), peer.member());
    tracing::debug!(group, %peer, %error, "values are not taken");
}
