use std::convert::Infallible;
use std::sync::Arc;

use http::{Request, Response};
use hyper::service::Service;
use parking_lot::Mutex;
use tokio::sync::{OnceCell, OwnedSemaphorePermit, Semaphore};

use crate::BoxFuture;
use crate::http::HEALTH;

/// Connections beyond the limit that a server accepts all the same, so that liveness checks get
/// through when all others are in use.
pub(super) const RESERVE: usize = 64;

/// The right to have a connection open.
pub(super) enum Permit {
    /// One of [`max_connections`](crate::HttpOptions::max_connections).
    Regular(OwnedSemaphorePermit),
    /// One of the [`RESERVE`].
    Reserve(OwnedSemaphorePermit),
}

/// A service on a connection of the reserve. It answers liveness checks at once; any other request
/// waits until the connection has a regular permit, as it would have in the listener's backlog.
#[derive(Debug)]
pub(super) struct ReserveService<S> {
    service: S,
    permits: Arc<Permits>,
}

#[derive(Debug)]
struct Permits {
    regular: Arc<Semaphore>,
    /// The regular permit, once the connection has it.
    acquired: OnceCell<OwnedSemaphorePermit>,
    /// Given back then.
    reserve: Mutex<Option<OwnedSemaphorePermit>>,
}

impl<S> ReserveService<S> {
    pub(super) fn new(service: S, reserve: OwnedSemaphorePermit, regular: &Arc<Semaphore>) -> Self {
        let permits = Permits {
            regular: Arc::clone(regular),
            acquired: OnceCell::new(),
            reserve: Mutex::new(Some(reserve)),
        };
        Self {
            service,
            permits: Arc::new(permits),
        }
    }
}

impl<S: Clone> Clone for ReserveService<S> {
    fn clone(&self) -> Self {
        Self {
            service: self.service.clone(),
            permits: Arc::clone(&self.permits),
        }
    }
}

impl Permits {
    async fn wait(&self) {
        let acquire = || Arc::clone(&self.regular).acquire_owned();
        // The semaphore is never closed.
        if self.acquired.get_or_try_init(acquire).await.is_ok() {
            *self.reserve.lock() = None;
        }
    }
}

impl<S, B, A> Service<Request<B>> for ReserveService<S>
where
    S: Service<Request<B>, Response = Response<A>, Error = Infallible, Future: Send>,
    S: Clone + Send + 'static,
    B: Send + 'static,
{
    type Response = Response<A>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<A>, Infallible>>;

    fn call(&self, request: Request<B>) -> Self::Future {
        let this = self.clone();
        Box::pin(async move {
            if request.uri().path() != HEALTH {
                this.permits.wait().await;
            }
            let answer = this.service.call(request);
            answer.await
        })
    }
}
