use std::io::{self, ErrorKind, SeekFrom};
use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use byteview::ByteView;
use futures_util::Stream;
use tokio::io::{AsyncBufRead, AsyncRead, AsyncSeek, ReadBuf};

use super::info::ObjectInfo;
use super::stream::ObjectStream;
use crate::Error;

/// An object, or a range of one, as a file: tokio's [`AsyncRead`], [`AsyncBufRead`] and [`AsyncSeek`]. Made by
/// [`Objects::open`](crate::Objects::open) and [`ObjectStream::into_reader`].
///
/// It behaves as [`Cursor`](io::Cursor) does: seeking past the end is allowed, and reading there yields nothing. A seek costs
/// nothing by itself. The read after it fetches one piece, and those after that also ahead. A buffer around
/// the reader is of no use: it holds a whole piece.
///
/// # Errors
///
/// An [`io::Error`] whose [inner error](io::Error::get_ref) is a [`groupcache::Error`](Error):
///
/// ```
/// fn has_changed(error: &std::io::Error) -> bool {
///     let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<groupcache::Error>());
///     inner.is_some_and(groupcache::Error::is_changed)
/// }
/// # let _ = has_changed;
/// ```
///
/// After an error the reader stands where it stood, and the next read tries again.
///
/// # Cancel safety
///
/// A read or seek that is dropped before it has ended has read nothing.
#[derive(Debug)]
pub struct ObjectReader {
    /// Gives the bytes from the position on that are not in `piece`, if it stands there.
    stream: ObjectStream,
    /// Which bytes of the object the reader is about.
    range: Range<u64>,
    /// Counted from the start of the range.
    position: u64,
    /// The bytes that came last, and where they begin.
    piece: ByteView,
    piece_at: u64,
}

impl ObjectStream {
    /// The rest of the range as an `AsyncRead`, `AsyncBufRead` and `AsyncSeek`. Its position zero is the next byte here.
    pub fn into_reader(self) -> ObjectReader {
        ObjectReader::new(self)
    }
}

impl ObjectReader {
    pub(super) fn new(stream: ObjectStream) -> Self {
        Self {
            range: stream.range(),
            stream,
            position: 0,
            piece: ByteView::default(),
            piece_at: 0,
        }
    }

    /// What is known of the object, in the version that the bytes are of.
    pub fn info(&self) -> &ObjectInfo {
        self.stream.info()
    }

    /// How many bytes there are from the start to the end.
    #[expect(clippy::len_without_is_empty, reason = "a file has none either")]
    pub fn len(&self) -> u64 {
        self.range.end - self.range.start
    }

    /// Where the next read begins.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// What is left of the last piece from the position on.
    fn rest_of_piece(&self) -> Option<&[u8]> {
        let skipped = self.position.checked_sub(self.piece_at)?;
        self.piece.get(usize::try_from(skipped).ok()?..)
    }
}

impl AsyncBufRead for ObjectReader {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        let this = self.get_mut();
        let is_empty = this.rest_of_piece().is_none_or(<[u8]>::is_empty);
        if is_empty && this.position < this.len() {
            let at = this.range.start + this.position;
            if this.stream.range().start != at {
                this.stream = this.stream.elsewhere(at..this.range.end);
            }
            // The last piece is let go of before there is another.
            this.piece = ByteView::default();
            let next = ready!(Pin::new(&mut this.stream).poll_next(cx));
            this.piece = next
                .transpose()
                .map_err(io_error)?
                .ok_or(ErrorKind::UnexpectedEof)?;
            this.piece_at = this.position;
        }
        Poll::Ready(Ok(this.rest_of_piece().unwrap_or_default()))
    }

    fn consume(self: Pin<&mut Self>, bytes: usize) {
        let this = self.get_mut();
        let left = this.rest_of_piece().map_or(0, <[u8]>::len);
        this.position += bytes.min(left) as u64;
    }
}

impl AsyncRead for ObjectReader {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        target: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if target.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        let bytes = ready!(self.as_mut().poll_fill_buf(cx))?;
        let count = bytes.len().min(target.remaining());
        target.put_slice(&bytes[..count]);
        self.consume(count);
        Poll::Ready(Ok(()))
    }
}

impl AsyncSeek for ObjectReader {
    fn start_seek(self: Pin<&mut Self>, to: SeekFrom) -> io::Result<()> {
        let this = self.get_mut();
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::End(offset) => this.len().checked_add_signed(offset),
            SeekFrom::Current(offset) => this.position.checked_add_signed(offset),
        };
        this.position = position.ok_or(ErrorKind::InvalidInput)?;
        Ok(())
    }

    fn poll_complete(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<u64>> {
        Poll::Ready(Ok(self.position))
    }
}

fn io_error(error: Error) -> io::Error {
    let kind = match error.is_timeout() {
        true => ErrorKind::TimedOut,
        false => ErrorKind::Other,
    };
    io::Error::new(kind, error)
}
