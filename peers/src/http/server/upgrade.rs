use bytes::Bytes;
use http::Request;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::sync::watch;

use super::detect::Rewind;
use super::rest::Rest;
use super::watchdog::WatchedIo;
use crate::BoxFuture;
use crate::http::client::Io;

/// A connection that goes on with another protocol.
pub(crate) struct UpgradedConnection {
    pub(crate) io: Box<dyn Io>,
    /// What was read of it already.
    pub(crate) first: Bytes,
    /// Ready once the server shuts down.
    pub(crate) draining: BoxFuture<'static, ()>,
}

/// Has `work` go on with the connection of `request`, once the answer to the request is written: driven
/// by this crate's server, and on a task of its own elsewhere. There it is to end when `mounted` closes.
pub(crate) fn upgrade<B, F>(
    request: &mut Request<B>,
    mounted: watch::Receiver<bool>,
    work: impl FnOnce(UpgradedConnection) -> F + Send + 'static,
) where
    F: Future<Output = ()> + Send + 'static,
{
    let upgrading = hyper::upgrade::on(&mut *request);
    let rest = request.extensions_mut().remove::<Rest>();
    let draining = rest.as_ref().map_or(mounted, Rest::draining);
    let work = Box::pin(go_on(upgrading, draining, work));
    match rest {
        Some(rest) => rest.leave(work),
        None => drop(tokio::spawn(work)),
    }
}

async fn go_on<F: Future<Output = ()>>(
    upgrading: OnUpgrade,
    mut draining: watch::Receiver<bool>,
    work: impl FnOnce(UpgradedConnection) -> F,
) {
    let upgraded = match upgrading.await {
        Ok(upgraded) => upgraded,
        Err(error) => {
            tracing::debug!(%error, "a connection was not upgraded");
            return;
        }
    };
    let (io, first) = taken_apart(upgraded);
    let draining: BoxFuture<'static, ()> = Box::pin(async move {
        _ = draining.wait_for(|drain| *drain).await; // or until the server is dropped
    });
    work(UpgradedConnection {
        io,
        first,
        draining,
    })
    .await;
}

/// The connection without the layers that hyper needs.
fn taken_apart(upgraded: Upgraded) -> (Box<dyn Io>, Bytes) {
    type Ours = TokioIo<Rewind<WatchedIo<Box<dyn Io>>>>;
    match upgraded.downcast::<Ours>() {
        Ok(parts) => (Box::new(parts.io.into_inner()), parts.read_buf),
        Err(upgraded) => (Box::new(TokioIo::new(upgraded)), Bytes::new()),
    }
}
