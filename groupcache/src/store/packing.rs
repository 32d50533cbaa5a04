use byteview::ByteView;

#[cfg(feature = "lz4")]
use super::compression::{self, Compression};

/// The form in which a group's own store keeps values: as they are, or compressed where that wins.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Packing {
    #[cfg(feature = "lz4")]
    pub(crate) compression: Option<Compression>,
}

#[cfg(feature = "lz4")]
impl Packing {
    /// Whether values are kept as they are.
    #[inline]
    pub(super) fn is_plain(self) -> bool {
        self.compression.is_none()
    }

    /// The value in the form in which it is kept.
    pub(super) fn pack(self, value: ByteView) -> ByteView {
        match self.compression {
            Some(compression) => compression.pack(&value),
            None => value,
        }
    }

    /// The value that was kept in this form; `None`, which no caller should see, if its memory has been damaged.
    #[inline]
    pub(super) fn unpack(self, kept: ByteView) -> Option<ByteView> {
        match self.compression {
            Some(_) => compression::unpack(&kept),
            None => Some(kept),
        }
    }

    /// Whether a value is kept compressed.
    pub(super) fn is_compressed(self, kept: &[u8]) -> bool {
        self.compression.is_some() && compression::is_compressed(kept)
    }
}

/// Without a feature for it there is no compression.
#[cfg(not(feature = "lz4"))]
impl Packing {
    #[inline]
    pub(super) fn is_plain(self) -> bool {
        true
    }

    pub(super) fn pack(self, value: ByteView) -> ByteView {
        value
    }

    #[inline]
    pub(super) fn unpack(self, kept: ByteView) -> Option<ByteView> {
        Some(kept)
    }

    pub(super) fn is_compressed(self, _: &[u8]) -> bool {
        false
    }
}
