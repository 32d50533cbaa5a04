use byteview::ByteView;
use lz4_flex::block::{compress_into, decompress_into, get_maximum_output_size};

use crate::Error;

/// How a group compresses the values that it keeps; for [`GroupBuilder::compression`](crate::GroupBuilder::compression).
///
/// A value is kept compressed if it is long enough and becomes shorter by an eighth or more; otherwise it is kept as it
/// is. A hit of a compressed value allocates memory for the whole value and decompresses it there.
///
/// ```
/// use groupcache::{Compression, Key, Node};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let node = Node::builder("http://127.0.0.1:8080").start().await?;
/// let pages = node
///     .group("pages", 64 << 20, |key: Key| async move {
///         Ok::<_, std::convert::Infallible>(format!("<p>{key}</p>").repeat(1_000))
///     })
///     .compression(Compression::lz4())
///     .build()?;
///
/// let page = pages.get("index").await?;
/// assert_eq!(page.len(), 12_000);
/// assert!(pages.usage().bytes < 1_000);
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compression {
    min_bytes: usize,
    max_bytes: usize,
}

/// What a kept value begins with if it is kept as it is.
const PLAIN: u8 = 0;

/// What a kept value begins with if it is compressed. Its length follows, as a little-endian `u32`.
const LZ4: u8 = 1;

/// The bytes in front of what is compressed.
const HEADER: usize = 1 + size_of::<u32>();

impl Compression {
    /// By [LZ4](https://lz4.org), which favours speed.
    pub fn lz4() -> Self {
        Self {
            min_bytes: 1 << 10,
            max_bytes: 1 << 20,
        }
    }

    /// Shorter values are kept as they are. Default: 1 KiB.
    #[must_use]
    pub fn min_bytes(mut self, bytes: usize) -> Self {
        self.min_bytes = bytes;
        self
    }

    /// Longer values are kept as they are, because a value is compressed on the thread that keeps it, and decompressed on
    /// that of its caller, at about a millisecond for each MiB. A value that is kept as it is in such a group is copied
    /// once. At most 4 GiB - 1. Default: 1 MiB.
    #[must_use]
    pub fn max_bytes(mut self, bytes: usize) -> Self {
        self.max_bytes = bytes;
        self
    }

    pub(crate) fn check(self) -> Result<(), Error> {
        if self.min_bytes > self.max_bytes {
            let reason = format!(
                "min_bytes, {}, is more than max_bytes, {}",
                self.min_bytes, self.max_bytes
            );
            return Err(Error::invalid("compression", reason));
        }
        if u32::try_from(self.max_bytes).is_err() {
            let reason = format!("max_bytes, {}, is 4 GiB or more", self.max_bytes);
            return Err(Error::invalid("compression", reason));
        }
        Ok(())
    }

    /// The value in the form in which it is kept.
    pub(super) fn pack(self, value: &ByteView) -> ByteView {
        let packed = self.compressed(value).unwrap_or_else(|| {
            let mut plain = Vec::with_capacity(1 + value.len());
            plain.push(PLAIN);
            plain.extend_from_slice(value);
            plain
        });
        ByteView::from(packed).compact()
    }

    /// `None` if it is not worth it.
    fn compressed(self, value: &[u8]) -> Option<Vec<u8>> {
        let len = value.len();
        if len < self.min_bytes || len > self.max_bytes {
            return None;
        }
        let mut packed = vec![0; HEADER + get_maximum_output_size(len)];
        let (header, body) = packed.split_first_chunk_mut::<HEADER>()?;
        let [kind, length @ ..] = header;
        *kind = LZ4;
        *length = u32::try_from(len).ok()?.to_le_bytes();
        let written = HEADER + compress_into(value, body).ok()?;
        packed.truncate(written);
        (written <= len - len / 8).then_some(packed)
    }
}

/// The value that was kept in this form. `None` for bytes that no group keeps.
pub(super) fn unpack(kept: &ByteView) -> Option<ByteView> {
    match *kept.first()? {
        PLAIN => Some(kept.slice(1..)),
        LZ4 => {
            let (header, body) = kept.split_first_chunk::<HEADER>()?;
            let [_, length @ ..] = *header;
            let mut value = vec![0; usize::try_from(u32::from_le_bytes(length)).ok()?];
            let written = decompress_into(body, &mut value).ok()?;
            (written == value.len()).then(|| value.into())
        }
        _ => None,
    }
}

/// Whether a value is kept compressed.
pub(super) fn is_compressed(kept: &[u8]) -> bool {
    kept.first() == Some(&LZ4)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn repeated(len: usize) -> ByteView {
        vec![b'x'; len].into()
    }

    #[test]
    fn a_value_is_compressed_between_its_limits() {
        let compression = Compression::lz4().min_bytes(100).max_bytes(200);
        for (len, compressed) in [(99, false), (100, true), (200, true), (201, false)] {
            let value = repeated(len);
            let kept = compression.pack(&value);
            assert_eq!(is_compressed(&kept), compressed, "{len} bytes");
            assert_eq!(unpack(&kept), Some(value));
        }
    }

    #[test]
    fn a_value_that_does_not_become_shorter_is_kept_as_it_is() {
        let mut state = 1_u64;
        let mut byte = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 56) as u8
        };
        let noise: ByteView = (0..10_000).map(|_| byte()).collect::<Vec<_>>().into();
        let kept = Compression::lz4().pack(&noise);
        assert!(!is_compressed(&kept));
        assert_eq!((kept.len(), unpack(&kept)), (noise.len() + 1, Some(noise)));
    }

    #[test]
    fn limits_that_contradict_each_other_are_refused() {
        assert!(Compression::lz4().check().is_ok());
        for bad in [
            Compression::lz4().min_bytes(2).max_bytes(1),
            Compression::lz4().max_bytes(1 << 32),
        ] {
            assert!(bad.check().unwrap_err().is_configuration(), "{bad:?}");
        }
    }

    #[test]
    fn bytes_that_no_group_keeps_are_no_value() {
        for bytes in [
            &b""[..],
            b"\x02plain",
            b"\x01\x05\0\0",
            b"\x01\x05\0\0\0",
            b"\x01\x09\0\0\0\x10x",
        ] {
            assert_eq!(unpack(&bytes.to_vec().into()), None, "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn a_value_comes_back_as_it_went(
            pieces in prop::collection::vec((any::<u8>(), 0..600_usize), 0..20),
            min_bytes in 0..2_000_usize,
        ) {
            let value: Vec<u8> = pieces.iter().flat_map(|&(byte, len)| std::iter::repeat_n(byte, len)).collect();
            let value = ByteView::from(value);
            let kept = Compression::lz4().min_bytes(min_bytes).pack(&value);
            prop_assert_eq!(unpack(&kept), Some(value));
        }
    }
}
