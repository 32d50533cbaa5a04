use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
#[cfg(feature = "grpc")]
use http::HeaderMap;
use http_body::{Frame, SizeHint};
use http_body_util::combinators::UnsyncBoxBody;
use tokio::sync::OwnedSemaphorePermit;

/// The body of an answer: up to three chunks, so that a value is sent from where it is cached, with
/// the few bytes of framing before and after it. Its length is known. Over gRPC there are trailers. A page may have a
/// [stream](Self::stream) instead.
#[derive(Debug, Default)]
pub struct Body {
    chunks: [Bytes; 3],
    /// The next chunk to send.
    next: usize,
    rest: Rest,
    /// Given back when the body is sent or given up.
    _permit: Option<OwnedSemaphorePermit>,
}

/// What follows the chunks.
#[derive(Debug, Default)]
enum Rest {
    #[default]
    Nothing,
    /// Over gRPC.
    #[cfg(feature = "grpc")]
    Trailers(Box<HeaderMap>),
    Stream(UnsyncBoxBody<Bytes, Infallible>),
}

impl Body {
    pub(crate) fn new(chunks: [Bytes; 3]) -> Self {
        Self {
            chunks,
            next: 0,
            rest: Rest::Nothing,
            _permit: None,
        }
    }

    /// A body that comes bit by bit, such as server-sent events. Bytes are sent as soon as there are some. If the reader is
    /// slow, a bounded number of bytes is kept, and the stream is asked for no more meanwhile. A
    /// [`Server`](crate::Server) closes a connection that has been quiet for
    /// [`server_idle_timeout`](crate::HttpOptions::server_idle_timeout), and the stream ends with it: over HTTP/1.1 once
    /// this stream is as quiet, over HTTP/2 once all that shares the connection is.
    /// [`max_page_streams`](crate::HttpOptions::max_page_streams) bounds how many are open.
    pub fn stream(
        stream: impl http_body::Body<Data = Bytes, Error = Infallible> + Send + 'static,
    ) -> Self {
        Self {
            rest: Rest::Stream(UnsyncBoxBody::new(stream)),
            ..Self::default()
        }
    }

    /// The same, which keeps a permit as long as it lasts.
    pub(crate) fn holding(self, permit: OwnedSemaphorePermit) -> Self {
        Self {
            _permit: Some(permit),
            ..self
        }
    }

    pub(crate) fn is_stream(&self) -> bool {
        matches!(self.rest, Rest::Stream(_))
    }

    /// The same with trailers at its end.
    #[cfg(feature = "grpc")]
    pub(crate) fn with_trailers(self, trailers: HeaderMap) -> Self {
        Self {
            rest: Rest::Trailers(Box::new(trailers)),
            ..self
        }
    }

    fn remaining(&self) -> &[Bytes] {
        self.chunks.get(self.next..).unwrap_or_default()
    }
}

impl<T: Into<Bytes>> From<T> for Body {
    fn from(bytes: T) -> Self {
        Self::new([bytes.into(), Bytes::new(), Bytes::new()])
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let this = &mut *self;
        while let Some(chunk) = this.chunks.get_mut(this.next) {
            this.next += 1;
            if !chunk.is_empty() {
                return Poll::Ready(Some(Ok(Frame::data(std::mem::take(chunk)))));
            }
        }
        match &mut this.rest {
            Rest::Nothing => Poll::Ready(None),
            #[cfg(feature = "grpc")]
            Rest::Trailers(trailers) => {
                let trailers = std::mem::take(&mut **trailers);
                this.rest = Rest::Nothing;
                Poll::Ready(Some(Ok(Frame::trailers(trailers))))
            }
            Rest::Stream(stream) => Pin::new(stream).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        let has_ended = match &self.rest {
            Rest::Nothing => true,
            #[cfg(feature = "grpc")]
            Rest::Trailers(_) => false,
            Rest::Stream(stream) => stream.is_end_stream(),
        };
        has_ended && self.remaining().iter().all(Bytes::is_empty)
    }

    fn size_hint(&self) -> SizeHint {
        let remaining = self.remaining().iter();
        let length = remaining.map(|chunk| chunk.len() as u64).sum();
        if matches!(self.rest, Rest::Nothing) {
            return SizeHint::with_exact(length);
        }
        // An exact length would be sent as a header, which gRPC does not have, and that of a stream is not known.
        let mut hint = SizeHint::new();
        hint.set_lower(length);
        hint
    }
}

#[cfg(test)]
mod tests {
    use http_body::Body as _;
    use http_body_util::BodyExt as _;

    use super::*;

    #[tokio::test]
    async fn the_chunks_come_in_order_and_the_length_is_exact() {
        let chunks = [b"head".as_slice(), b"", b"tail"].map(Bytes::from_static);
        let mut body = Body::new(chunks);
        assert_eq!(body.size_hint().exact(), Some(8));
        assert_eq!(
            body.frame().await.unwrap().unwrap().into_data().unwrap(),
            "head"
        );
        assert_eq!(body.size_hint().exact(), Some(4));
        assert!(!body.is_end_stream());
        assert_eq!(
            body.frame().await.unwrap().unwrap().into_data().unwrap(),
            "tail"
        );
        assert!(body.is_end_stream());
        assert!(body.frame().await.is_none());
    }

    #[cfg(feature = "grpc")]
    #[tokio::test]
    async fn trailers_come_last_and_hide_the_length() {
        let mut trailers = http::HeaderMap::new();
        trailers.insert("grpc-status", http::HeaderValue::from_static("0"));
        let mut body = Body::from("value").with_trailers(trailers.clone());
        assert_eq!(body.size_hint().exact(), None);
        assert!(body.frame().await.unwrap().unwrap().is_data());
        assert!(!body.is_end_stream());
        let last = body.frame().await.unwrap().unwrap();
        assert_eq!(last.into_trailers().unwrap(), trailers);
        assert!(body.is_end_stream());
    }

    #[tokio::test]
    async fn a_stream_comes_bit_by_bit_and_has_no_length() {
        let mut body = Body::stream(http_body_util::StreamBody::new(futures_util::stream::iter(
            ["a", "b"].map(|bytes| Ok(Frame::data(Bytes::from(bytes)))),
        )));
        assert_eq!(body.size_hint().exact(), None);
        assert!(body.is_stream() && !body.is_end_stream());
        for bytes in ["a", "b"] {
            let frame = body.frame().await.unwrap().unwrap();
            assert_eq!(frame.into_data().unwrap(), bytes);
        }
        assert!(body.frame().await.is_none());
    }

    #[test]
    fn an_empty_body_ends_before_it_begins() {
        assert!(Body::default().is_end_stream());
        assert_eq!(Body::default().size_hint().exact(), Some(0));
    }
}
