//! The limits of every stream, which both sides know without being told.

use super::fields::Fields;
use crate::Error;

/// The longest payload of a frame. A message that is longer takes several.
pub(crate) const PIECE: usize = 256 << 10;

/// Messages up to this length are copied into one buffer with others, so that one write takes them
/// all. Of a longer one the body is written from where it lies.
pub(crate) const SMALL: usize = 16 << 10;

/// How much of a message may be sent before the other side has granted more. Also how far a sender
/// may be ahead of a receiver later on, and so how much a small message may have to wait behind for each
/// long one under way.
pub(crate) const FREE: usize = (1 << 20) + (64 << 10);

/// The most messages of several frames that each side sends at the same time.
pub(crate) const LANES: usize = 8;

/// The most answered bytes of small messages that a server keeps for a client that does not read
/// them. It reads no further calls until they are gone.
pub(crate) const UNSENT_SMALL: usize = 1 << 20;

/// What a server says of itself in its first frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    /// The most calls under way at one time on the connection.
    pub(crate) calls: u32,
    /// The longest message.
    pub(crate) message: u64,
}

impl Limits {
    pub(super) fn to_bytes(self) -> [u8; 12] {
        let mut bytes = [0; 12];
        bytes[..4].copy_from_slice(&self.calls.to_le_bytes());
        bytes[4..].copy_from_slice(&self.message.to_le_bytes());
        bytes
    }

    pub(super) fn from_bytes(payload: &[u8]) -> Result<Self, Error> {
        let mut fields = Fields::of("a HELLO", payload);
        let (calls, message) = (fields.u32()?, fields.u64()?);
        fields.end()?;
        Ok(Self { calls, message })
    }
}
