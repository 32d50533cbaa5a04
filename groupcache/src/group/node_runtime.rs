use std::pin::pin;
use std::time::Duration;

use futures_timer::Delay;
use peers::{BoxFuture, Context, is_loading, load_scope};
use tokio::runtime::{Handle, Id};
use tokio::select;
use tokio::task::JoinHandle;
use tracing::Instrument as _;

use crate::Error;

/// Names the wait of a [foreign](NodeRuntime) caller in errors.
pub(super) const WAIT_FOR_RUNTIME: &str = "the wait for the node's runtime";

/// The runtime on which a node was started. Its groups' connections, timers and tasks belong there.
///
/// A caller may live on another runtime, or on an executor that is not tokio's. Such a *foreign* caller
/// polls no connection and no timer: it waits for a task of this runtime, with a timer that needs no runtime.
#[derive(Clone, Debug)]
pub(super) struct NodeRuntime {
    handle: Handle,
    id: Id,
}

impl NodeRuntime {
    pub(super) fn new(handle: Handle) -> Self {
        let id = handle.id();
        Self { handle, id }
    }

    pub(super) fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Whether the caller lives on this runtime.
    pub(super) fn is_current(&self) -> bool {
        Handle::try_current().is_ok_and(|current| current.id() == self.id)
    }

    /// Ends after this time, also for a foreign caller when no thread drives this runtime.
    pub(super) fn timer(&self, time: Duration) -> BoxFuture<'static, ()> {
        if self.is_current() {
            Box::pin(tokio::time::sleep(time))
        } else {
            Box::pin(Delay::new(time))
        }
    }

    /// Lets work go on to its end, whatever becomes of the caller, in the caller's context and span. Work of a
    /// getter is [marked](load_scope) as such here too.
    pub(super) fn spawn<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> JoinHandle<T> {
        let work = Context::current().scope(work.in_current_span());
        if is_loading() {
            self.handle.spawn(load_scope(work))
        } else {
            self.handle.spawn(work)
        }
    }

    /// Waits for `future` no longer than `limit`; `what` names the wait in the error.
    ///
    /// The limit also ends a foreign caller's wait when no thread drives this runtime.
    pub(super) async fn timeout<T>(
        &self,
        limit: Duration,
        what: &'static str,
        future: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let timed_out = || Err(Error::timed_out(what, limit));
        if self.is_current() {
            let result = tokio::time::timeout(limit, future).await;
            return result.unwrap_or_else(|_| timed_out());
        }
        let future = pin!(future);
        select! {
            biased;
            result = future => result,
            () = Delay::new(limit) => timed_out(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_a_getter_spawns_is_the_work_of_a_getter() {
        let runtime = NodeRuntime::new(Handle::current());
        let is_marked = || runtime.spawn(async { is_loading() });
        assert!(!is_marked().await.unwrap());
        assert!(load_scope(async { is_marked().await }).await.unwrap());
    }
}
