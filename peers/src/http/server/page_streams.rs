use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Response, StatusCode};
use http_body::{Frame, SizeHint};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use crate::BoxFuture;
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

    /// Lets an answer be sent. One with a stream is sent if there is room for one more, and until `end`. Any other one
    /// keeps the permit of its request to its end: each has memory of its own, and its reader may be slow.
    pub(crate) fn admit(
        &self,
        answer: Response<Body>,
        end: PageStreamsEnd,
        request: OwnedSemaphorePermit,
    ) -> Response<Body> {
        if !answer.body().is_stream() {
            return answer.map(|body| body.holding(request));
        }
        match Arc::clone(&self.permits).try_acquire_owned() {
            Ok(permit) => answer.map(|stream| {
                Body::stream(PageStream {
                    stream,
                    end: end.come(),
                    _permit: permit,
                })
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
    fn come(mut self) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            _ = self.0.changed().await; // or until the service is dropped
        })
    }
}

/// The body of an answer that ends with the server.
struct PageStream {
    stream: Body,
    end: BoxFuture<'static, ()>,
    _permit: OwnedSemaphorePermit,
}

impl http_body::Body for PageStream {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.end.as_mut().poll(cx).is_ready() {
            return Poll::Ready(None);
        }
        Pin::new(&mut self.stream).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.stream.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.stream.size_hint()
    }
}
