use std::io::{self, BufRead, Cursor, IoSliceMut, Read, Seek, SeekFrom};

use bytes::{Buf, Bytes};

use crate::ByteView;

/// A cursor over a [`ByteView`]: [`Read`], [`BufRead`] and [`Seek`] from the standard library, and
/// [`Buf`] from the `bytes` crate.
///
/// A reader shares ownership of the bytes, so it is `'static` and can move to another thread or
/// task. It behaves as [`io::Cursor`](Cursor) does: seeking past the end is allowed, and reading
/// there yields nothing. Reading fails in two cases only: [`read_exact`](Read::read_exact) with
/// `UnexpectedEof`, and [`read_to_string`](Read::read_to_string) with `InvalidData`.
///
/// ```
/// use std::io::{BufRead, Read};
/// use byteview::ByteView;
///
/// let mut reader = ByteView::from("type: text\nbody").reader();
/// let mut header = String::new();
/// reader.read_line(&mut header)?;
/// assert_eq!(header, "type: text\n");
/// assert_eq!(reader.rest(), "body"); // a slice of the same buffer
/// # Ok::<_, std::io::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Reader {
    cursor: Cursor<ByteView>,
}

impl ByteView {
    /// A reader that starts at the first byte and shares ownership of the buffer.
    #[must_use]
    pub fn reader(&self) -> Reader {
        Reader::new(self.clone())
    }
}

impl Reader {
    /// A reader that starts at the first byte of `view`.
    #[must_use]
    pub const fn new(view: ByteView) -> Self {
        Self {
            cursor: Cursor::new(view),
        }
    }

    /// A view of the bytes that have not been read yet, without copying them.
    #[must_use]
    pub fn rest(&self) -> ByteView {
        self.view().slice(self.offset()..)
    }

    /// The whole view, including the bytes that have been read.
    #[must_use]
    pub const fn view(&self) -> &ByteView {
        self.cursor.get_ref()
    }

    /// The position of the next byte to read, counted from the start. It is past the end after a
    /// seek past the end.
    #[must_use]
    pub const fn position(&self) -> u64 {
        self.cursor.position()
    }

    /// The position as an index into the view, at most its length.
    fn offset(&self) -> usize {
        let len = self.view().len();
        usize::try_from(self.position()).map_or(len, |position| position.min(len))
    }
}

impl Read for Reader {
    fn read(&mut self, target: &mut [u8]) -> io::Result<usize> {
        self.cursor.read(target)
    }

    fn read_vectored(&mut self, targets: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        self.cursor.read_vectored(targets)
    }

    fn read_exact(&mut self, target: &mut [u8]) -> io::Result<()> {
        self.cursor.read_exact(target)
    }

    fn read_to_end(&mut self, target: &mut Vec<u8>) -> io::Result<usize> {
        self.cursor.read_to_end(target)
    }

    fn read_to_string(&mut self, target: &mut String) -> io::Result<usize> {
        self.cursor.read_to_string(target)
    }
}

impl BufRead for Reader {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.cursor.fill_buf()
    }

    fn consume(&mut self, n: usize) {
        self.cursor.consume(n);
    }
}

/// Seeking to a negative position is an `InvalidInput` error and leaves the position as it was.
impl Seek for Reader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.cursor.seek(to)
    }

    fn stream_position(&mut self) -> io::Result<u64> {
        Ok(self.position())
    }
}

/// [`copy_to_bytes`](Buf::copy_to_bytes) does not copy.
impl Buf for Reader {
    fn remaining(&self) -> usize {
        self.view().len() - self.offset()
    }

    fn chunk(&self) -> &[u8] {
        &self.view()[self.offset()..]
    }

    fn advance(&mut self, n: usize) {
        self.cursor.advance(n);
    }

    fn copy_to_bytes(&mut self, len: usize) -> Bytes {
        let start = self.offset();
        // `advance` checks `len`, so a range past the end panics as the trait requires.
        self.advance(len);
        self.view().slice(start..start + len).into_bytes()
    }
}
