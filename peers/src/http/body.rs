use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Frame, SizeHint};

/// The body of an answer: up to three chunks, so that a value is sent from where it is cached, with
/// the few bytes of framing before and after it. Its length is known. Over gRPC there are trailers.
#[derive(Clone, Debug, Default)]
pub struct Body {
    chunks: [Bytes; 3],
    /// The next chunk to send.
    next: usize,
    trailers: Option<Box<HeaderMap>>,
}

impl Body {
    pub(crate) fn new(chunks: [Bytes; 3]) -> Self {
        Self {
            chunks,
            next: 0,
            trailers: None,
        }
    }

    /// The same with trailers at its end.
    #[cfg(feature = "grpc")]
    pub(crate) fn with_trailers(self, trailers: HeaderMap) -> Self {
        Self {
            trailers: Some(Box::new(trailers)),
            ..self
        }
    }

    fn rest(&self) -> &[Bytes] {
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
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let this = &mut *self;
        while let Some(chunk) = this.chunks.get_mut(this.next) {
            this.next += 1;
            if !chunk.is_empty() {
                return Poll::Ready(Some(Ok(Frame::data(std::mem::take(chunk)))));
            }
        }
        let trailers = this.trailers.take();
        Poll::Ready(trailers.map(|trailers| Ok(Frame::trailers(*trailers))))
    }

    fn is_end_stream(&self) -> bool {
        self.trailers.is_none() && self.rest().iter().all(Bytes::is_empty)
    }

    fn size_hint(&self) -> SizeHint {
        let length = self.rest().iter().map(|chunk| chunk.len() as u64).sum();
        let mut hint = SizeHint::with_exact(length);
        if self.trailers.is_some() {
            // An exact length would be sent as a header, which gRPC does not have.
            hint = SizeHint::new();
            hint.set_lower(length);
        }
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
        let mut trailers = HeaderMap::new();
        trailers.insert("grpc-status", http::HeaderValue::from_static("0"));
        let mut body = Body::from("value").with_trailers(trailers.clone());
        assert_eq!(body.size_hint().exact(), None);
        assert!(body.frame().await.unwrap().unwrap().is_data());
        assert!(!body.is_end_stream());
        let last = body.frame().await.unwrap().unwrap();
        assert_eq!(last.into_trailers().unwrap(), trailers);
        assert!(body.is_end_stream());
    }

    #[test]
    fn an_empty_body_ends_before_it_begins() {
        assert!(Body::default().is_end_stream());
        assert_eq!(Body::default().size_hint().exact(), Some(0));
    }
}
