use std::ops::Deref;

use bytes::{BufMut, Bytes};
use byteview::ByteView;

/// A message of a protocol, as it is written: some fields, and behind them a body that is not
/// copied if it is long.
pub(crate) trait Message {
    fn kind(&self) -> u8;

    /// How many bytes [`write_fields`](Self::write_fields) writes.
    fn fields_len(&self) -> usize;

    fn write_fields(&self, buffer: &mut impl BufMut);

    /// How long the whole message is.
    fn len(&self) -> usize {
        self.fields_len() + self.body().map_or(0, ByteView::len)
    }

    /// What follows the fields. A long one is shared, not copied.
    fn body(&self) -> Option<&ByteView> {
        None
    }
}

/// A message of a protocol, as it was read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Payload<'a> {
    /// It lies in the connection's buffer.
    Short(&'a [u8]),
    /// It has memory of its own.
    Long(Bytes),
}

impl Payload<'_> {
    /// The message without so many of its first bytes. There have to be as many.
    pub(crate) fn behind(self, start: usize) -> Self {
        match self {
            Self::Short(bytes) => Self::Short(&bytes[start..]),
            Self::Long(bytes) => Self::Long(bytes.slice(start..)),
        }
    }

    /// The message in memory of its own: a short one is copied, so that a small value that is kept
    /// does not keep the connection's buffer.
    pub(crate) fn into_bytes(self) -> Bytes {
        match self {
            Self::Short(bytes) => Bytes::copy_from_slice(bytes),
            Self::Long(bytes) => bytes,
        }
    }
}

impl Deref for Payload<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Short(bytes) => bytes,
            Self::Long(bytes) => bytes,
        }
    }
}
