use std::io::{self, BufRead, Cursor, IoSliceMut, Read, Seek, SeekFrom};

use bytes::{Buf, Bytes};

use crate::ByteView;

/// A cursor over a [`ByteView`]: [`Read`], [`BufRead`] and [`Seek`] from the standard library, and
/// [`Buf`] from the `bytes` crate.
///
/// It owns a share of the bytes, so it is `'static` and can be handed to another thread or task.
/// It behaves as [`io::Cursor`](Cursor) does: seeking past the end is allowed, and reading there
/// yields nothing. Reading never fails with anything but `UnexpectedEof` from
/// [`read_exact`](Read::read_exact) and `InvalidData` from
/// [`read_to_string`](Read::read_to_string).
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
    /// A reader that starts at the first byte and holds its own share of the buffer.
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

    /// The bytes that have not been read yet, without copying them.
    #[must_use]
    pub fn rest(&self) -> ByteView {
        self.view().slice(self.offset()..)
    }

    /// The whole view, also what has been read.
    #[must_use]
    pub const fn view(&self) -> &ByteView {
        self.cursor.get_ref()
    }

    /// Where the next byte would be read, counted from the start. Past the end after such a seek.
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
        // Advancing checks `len`, so that an end past the view panics as the trait says.
        self.advance(len);
        self.view().slice(start..start + len).into_bytes()
    }
}
