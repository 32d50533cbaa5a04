use std::sync::Arc;

use http::Request;
use http::header::UPGRADE;
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::BoxFuture;

/// The rest of a connection that a service has upgraded. The server that accepted the connection drives
/// it, so that its limits and its shutdown hold for it too.
///
/// It travels in the extensions of the request that asks for the upgrade.
#[derive(Clone)]
pub(super) struct Rest(Arc<Inner>);

struct Inner {
    work: Mutex<Option<BoxFuture<'static, ()>>>,
    draining: watch::Receiver<bool>,
}

impl Rest {
    pub(super) fn new(draining: watch::Receiver<bool>) -> Self {
        Self(Arc::new(Inner {
            work: Mutex::default(),
            draining,
        }))
    }

    /// Attaches itself to a request that asks for an upgrade.
    pub(super) fn attach<B>(&self, request: &mut Request<B>) {
        if request.headers().contains_key(UPGRADE) {
            request.extensions_mut().insert(self.clone());
        }
    }

    pub(super) fn draining(&self) -> watch::Receiver<bool> {
        self.0.draining.clone()
    }

    /// Leaves work to the server.
    pub(super) fn leave(&self, work: BoxFuture<'static, ()>) {
        *self.0.work.lock() = Some(work);
    }

    /// The work that a service has left, if there was an upgrade.
    pub(super) fn take(&self) -> Option<BoxFuture<'static, ()>> {
        self.0.work.lock().take()
    }
}
