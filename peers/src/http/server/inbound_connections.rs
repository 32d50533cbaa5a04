use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

/// How many connections others have made to a server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct InboundConnections {
    /// The connections that are open.
    pub open: usize,
    /// The most connections that may be open: [`max_connections`](crate::HttpOptions::max_connections). A few more may be
    /// open for liveness checks.
    pub limit: usize,
    /// The connections that were accepted since the server started, also those that have ended.
    pub accepted: u64,
}

/// Counts the connections of a server.
#[derive(Debug)]
pub(super) struct Tally {
    open: AtomicUsize,
    accepted: AtomicU64,
    limit: usize,
}

/// A connection that is open. Dropping it counts it off.
pub(super) struct Open(Arc<Tally>);

impl Tally {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            open: AtomicUsize::new(0),
            accepted: AtomicU64::new(0),
            limit,
        }
    }

    pub(super) fn accepted(self: &Arc<Self>) -> Open {
        self.accepted.fetch_add(1, Relaxed);
        self.open.fetch_add(1, Relaxed);
        Open(Arc::clone(self))
    }

    pub(super) fn look(&self) -> InboundConnections {
        InboundConnections {
            open: self.open.load(Relaxed),
            limit: self.limit,
            accepted: self.accepted.load(Relaxed),
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Relaxed);
    }
}
