use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::Stream;
use http_body::{Body, Frame, SizeHint};

use crate::{ByteView, Error, ObjectStream};

/// The body of an answer of [`ServeObjects`](crate::ServeObjects): reads as it is polled, and buffers no more than an
/// [`ObjectStream`]. An error ends it before its length, so that no client takes it for whole.
#[derive(Default)]
pub struct ObjectBody {
    parts: VecDeque<Part>,
    /// The bytes that have yet to come.
    left: u64,
}

pub(super) enum Part {
    Bytes(Bytes),
    Object(ObjectStream),
}

impl ObjectBody {
    /// The parts in a row. `None` if that is longer than a body can be.
    pub(super) fn new(parts: impl IntoIterator<Item = Part>) -> Option<Self> {
        let parts: VecDeque<Part> = parts.into_iter().collect();
        let mut lens = parts.iter().map(Part::len);
        let left = lens.try_fold(0_u64, u64::checked_add)?;
        Some(Self { parts, left })
    }

    /// How many bytes have yet to come.
    pub(super) fn left(&self) -> u64 {
        self.left
    }

    /// Waits for the first bytes.
    pub(super) async fn begin(&mut self) -> Result<(), Error> {
        let first = self.parts.iter_mut().find_map(|part| match part {
            Part::Bytes(_) => None,
            Part::Object(stream) => Some(stream),
        });
        match first {
            Some(stream) => stream.begin().await,
            None => Ok(()),
        }
    }

    fn poll_bytes(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Error>>> {
        while let Some(part) = self.parts.front_mut() {
            let bytes = match part {
                Part::Bytes(bytes) => Some(Ok(std::mem::take(bytes))),
                Part::Object(stream) => {
                    let next = ready!(Pin::new(stream).poll_next(cx));
                    next.map(|piece| piece.map(ByteView::into_bytes))
                }
            };
            match bytes {
                Some(Ok(bytes)) if !bytes.is_empty() => return Poll::Ready(Some(Ok(bytes))),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                _ => _ = self.parts.pop_front(),
            }
        }
        Poll::Ready(None)
    }
}

impl Part {
    fn len(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Object(stream) => {
                let range = stream.range();
                range.end - range.start
            }
        }
    }
}

impl Body for ObjectBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let Some(bytes) = ready!(self.poll_bytes(cx)) else {
            return Poll::Ready(None);
        };
        match bytes {
            Ok(bytes) => {
                self.left = self.left.saturating_sub(bytes.len() as u64);
                Poll::Ready(Some(Ok(Frame::data(bytes))))
            }
            Err(error) => {
                self.parts.clear();
                Poll::Ready(Some(Err(error)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

impl fmt::Debug for ObjectBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ObjectBody")
            .field("left", &self.left)
            .finish_non_exhaustive()
    }
}
