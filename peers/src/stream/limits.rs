//! The limits of every stream, which both sides know without being told.

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
