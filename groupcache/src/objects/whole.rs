use std::fmt;

use byteview::ByteView;

use crate::Codec;

/// The bytes of a piece, which are so many: other bytes are a [miss](crate::TypedGroup#bytes-that-do-not-decode).
#[derive(Debug)]
pub(super) struct Whole {
    pub(super) bytes: u64,
}

/// A piece is shorter or longer than it has to be.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NotWhole {
    bytes: u64,
    wanted: u64,
}

impl Codec<ByteView> for Whole {
    type EncodeError = NotWhole;
    type DecodeError = NotWhole;

    fn encode(&self, piece: &ByteView) -> Result<ByteView, NotWhole> {
        self.decode(piece.clone())
    }

    fn decode(&self, piece: ByteView) -> Result<ByteView, NotWhole> {
        let (bytes, wanted) = (piece.len() as u64, self.bytes);
        if bytes != wanted {
            return Err(NotWhole { bytes, wanted });
        }
        Ok(piece)
    }
}

impl fmt::Display for NotWhole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { bytes, wanted } = self;
        write!(f, "a piece of {wanted} bytes has {bytes}")
    }
}

impl std::error::Error for NotWhole {}
