use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::extract;
use groupcache::Node;

use super::database::Database;
use super::groups::Groups;

/// What every route can see.
pub(super) struct State {
    pub(super) node: Node,
    pub(super) groups: Groups,
    pub(super) database: Database,
    /// Written once, when the service is to stop; read by `/readyz`.
    stopping: AtomicBool,
}

/// The state, as an argument of a route.
pub(super) type Shared = extract::State<Arc<State>>;

impl State {
    pub(super) fn new(node: Node, groups: Groups, database: Database) -> Self {
        Self {
            node,
            groups,
            database,
            stopping: AtomicBool::new(false),
        }
    }

    pub(super) fn is_ready(&self) -> bool {
        !self.stopping.load(Ordering::Relaxed)
    }

    pub(super) fn stop_being_ready(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }
}
