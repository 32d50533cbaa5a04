use std::future::poll_fn;
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use byteview::ByteView;
use futures_util::Stream;
use tokio::task::coop;

use super::info::ObjectInfo;
use super::object::Object;
use super::pieces::Pieces;
use super::read_ahead::ReadAhead;
use crate::Error;

/// The bytes of a range of an object, a piece at a time. Made by [`Objects::read`](crate::Objects::read).
///
/// The items are shared with the cache, in the order of the bytes, none of them empty. After an error the stream has ended.
/// The errors are those of [`Objects::read`](crate::Objects::read): [`is_changed`](Error::is_changed) if the object has changed meanwhile.
///
/// The stream may be polled on any runtime, while that of its node runs, and may be dropped at any time. Loads that have begun go on, and their pieces
/// are cached.
#[derive(Debug)]
pub struct ObjectStream {
    pieces: ReadAhead,
    /// What has yet to come.
    range: Range<u64>,
}

impl ObjectStream {
    pub(super) fn new(group: Pieces, object: Arc<Object>, range: Range<u64>, ahead: usize) -> Self {
        let pieces = object.pieces_of(&range);
        Self {
            pieces: ReadAhead::new(group, object, pieces, ahead),
            range,
        }
    }

    /// The same object from and to elsewhere.
    pub(super) fn elsewhere(&self, range: Range<u64>) -> Self {
        let pieces = self.pieces.object.pieces_of(&range);
        Self {
            pieces: self.pieces.elsewhere(pieces),
            range,
        }
    }

    /// Waits for the first piece.
    pub(super) async fn begin(&mut self) -> Result<(), Error> {
        let first = poll_fn(|cx| self.pieces.poll_begin(cx)).await;
        first.unwrap_or(Ok(()))
    }

    /// What is known of the object, in the version that the bytes are of.
    pub fn info(&self) -> &ObjectInfo {
        &self.pieces.object.info
    }

    /// Which bytes of the object have yet to come.
    pub fn range(&self) -> Range<u64> {
        self.range.clone()
    }
}

impl Stream for ObjectStream {
    type Item = Result<ByteView, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        // A long row of pieces that are in memory lets other tasks run.
        let turn = ready!(coop::poll_proceed(cx));
        let start = self.range.start;
        let piece_bytes = self.pieces.object.piece_bytes;
        let Some(piece) = ready!(self.pieces.poll_next(cx)) else {
            return Poll::Ready(None);
        };
        turn.made_progress();
        let piece = piece.inspect_err(|_| self.range.start = self.range.end)?;
        // The first piece may begin before the range, and the last one end behind it.
        let skipped = (start % piece_bytes) as usize;
        let left = usize::try_from(self.range.end - start).unwrap_or(usize::MAX);
        let end = piece.len().min(skipped.saturating_add(left));
        let bytes = piece.checked_slice(skipped..end).unwrap_or_default();
        self.range.start += bytes.len() as u64;
        Poll::Ready(Some(Ok(bytes)))
    }
}
