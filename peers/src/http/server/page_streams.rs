use std::sync::Arc;

use futures_util::StreamExt as _;
use http::{Response, StatusCode};
use http_body_util::{BodyStream, StreamBody};
use tokio::sync::{Semaphore, watch};

use crate::http::{Body, failure};

/// The pages' answers that end much later than they begin: bounds their number, and ends them when a server drains.
/// Clones are the same.
#[derive(Clone, Debug)]
pub(crate) struct PageStreams {
    permits: Arc<Semaphore>,
    /// Told to end all that are open.
    ends: watch::Sender<()>,
}

impl PageStreams {
    pub(crate) fn new(most: usize) -> Self {
        Self {
            permits: Arc::new(Semaphore::new(most)),
            ends: watch::Sender::new(()),
        }
    }

    /// The end of the answers whose requests come now.
    pub(crate) fn watch(&self) -> PageStreamsEnd {
        PageStreamsEnd(self.ends.subscribe())
    }

    /// Ends all that are open, and those whose requests are being answered.
    pub(crate) fn end(&self) {
        self.ends.send_replace(());
    }

    /// Lets an answer with a stream be sent until `end`, if there is room for one more.
    pub(crate) fn admit(&self, answer: Response<Body>, end: PageStreamsEnd) -> Response<Body> {
        match Arc::clone(&self.permits).try_acquire_owned() {
            Ok(permit) => answer.map(|stream| {
                let frames = BodyStream::new(stream).take_until(end.come());
                Body::stream(StreamBody::new(frames)).holding(permit)
            }),
            Err(_) => failure::text(
                StatusCode::SERVICE_UNAVAILABLE,
                "too many streams of pages at once",
            ),
        }
    }
}

/// When the streams end.
pub(crate) struct PageStreamsEnd(watch::Receiver<()>);

impl PageStreamsEnd {
    async fn come(mut self) {
        _ = self.0.changed().await; // or until the service is dropped
    }
}
