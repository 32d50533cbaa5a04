//! Views whose memory is about as large as the bytes that they show.

use bytes::Bytes;

use crate::ByteView;
use crate::arena::Repr;

/// So many bytes are copied rather than kept in a buffer of their own, which needs a count beside it.
const SMALL: usize = 255;

impl ByteView {
    /// The same bytes in memory of about their length, shared with nobody.
    ///
    /// A view keeps its whole buffer in memory, and the spare capacity of the `Vec` that it was
    /// made from. Compact a view that is kept long, say in a cache with a limit in bytes. `compact`
    /// differs from [`detached`](Self::detached): it keeps a buffer that fits and has no other
    /// owner. Up to 255 bytes lie beside their reference count, in one allocation.
    ///
    /// A view of up to 255 bytes is always copied. A longer one is copied if its bytes are static, if they
    /// come from [`Bytes::from_owner`], or if their buffer has other owners. Otherwise it moves the
    /// bytes to the front of their buffer. It then shrinks the buffer, which may copy the bytes, if
    /// more than a sixteenth of the view's length is not in view.
    ///
    /// ```
    /// use byteview::ByteView;
    ///
    /// let message = ByteView::from(vec![b'x'; 1 << 20]);
    /// let id = message.slice(..16).compact();
    /// drop(message); // frees the megabyte
    /// assert_eq!(id, "x".repeat(16));
    /// ```
    #[must_use]
    pub fn compact(self) -> Self {
        if self.is_empty() {
            return Self::new();
        }
        if self.repr().is_copied() {
            return self;
        }
        if self.len() <= SMALL {
            return Self::copy_from_slice(&self);
        }
        match self.into_repr().into_unique() {
            Ok(bytes) => {
                // The conversion keeps the buffer and moves the bytes to its front.
                let mut buffer = Vec::from(bytes);
                if buffer.capacity() - buffer.len() > buffer.len() / 16 {
                    buffer.shrink_to_fit();
                }
                Bytes::from(buffer).into()
            }
            Err(shared) => Self::of(Repr::copied(shared.as_bytes())),
        }
    }

    /// The sizes in bytes of the allocations of a [`compact`](Self::compact) view of `len` bytes,
    /// without the allocator's overhead. Zero stands for no allocation.
    ///
    /// The spare capacity that `compact` tolerates is not counted.
    #[must_use]
    pub const fn compact_sizes(len: usize) -> [usize; 2] {
        match len {
            0 => [0, 0],
            1..=SMALL => [Repr::size_copied(len), 0],
            _ => [len, Repr::SIZE_BESIDE],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compact_views_show_the_same_bytes() {
        for len in (0..300).chain([1000, 4096, 100_000]) {
            let bytes: Vec<u8> = (0..len).map(|n| n as u8).collect();
            let view = ByteView::from(bytes.clone());
            assert_eq!(view.clone().compact(), bytes, "shared");
            assert_eq!(view.compact(), bytes, "not shared");
            let mut roomy = Vec::with_capacity(2 * len + 1000);
            roomy.extend_from_slice(&bytes);
            assert_eq!(
                ByteView::from(roomy).compact(),
                bytes,
                "with capacity to spare"
            );
            let framed = [b"<".as_slice(), &bytes, b">"].concat();
            let part = ByteView::from(framed).slice(1..=len);
            assert_eq!(part.compact(), bytes, "a part");
        }
    }

    #[test]
    fn a_buffer_that_fits_is_taken_over() {
        let buffer = vec![7_u8; 4096];
        let address = buffer.as_ptr();
        assert_eq!(ByteView::from(buffer).compact().as_ptr(), address);
    }

    #[test]
    fn sizes_are_those_of_the_allocations() {
        assert_eq!(ByteView::compact_sizes(0), [0, 0]);
        assert_eq!(ByteView::compact_sizes(64), [8 + 64, 0]);
        assert_eq!(ByteView::compact_sizes(255), [8 + 255, 0]);
        assert_eq!(ByteView::compact_sizes(256), [256, 48]);
    }
}
