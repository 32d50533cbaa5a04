//! Views whose memory is about as large as the bytes that they show.

use bytes::Bytes;

use crate::ByteView;

/// A buffer of `N` bytes, of which the first `len` are in use. [`Bytes`] allocates it together with
/// its reference count.
struct Small<const N: usize> {
    len: u8,
    bytes: [u8; N],
}

impl<const N: usize> AsRef<[u8]> for Small<N> {
    fn as_ref(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }
}

/// The bytes that [`Bytes`] puts in front of an owner: a reference count.
const HEADER: usize = size_of::<usize>();

/// The bytes that [`Bytes`] allocates for a shared buffer: pointer, capacity and reference count.
const SHARED: usize = 3 * size_of::<usize>();

impl<const N: usize> Small<N> {
    /// A copy of `from`, or `None` if it is longer than `N` or 255 bytes.
    fn copy(from: &[u8]) -> Option<Bytes> {
        let mut bytes = [0; N];
        bytes.get_mut(..from.len())?.copy_from_slice(from);
        let len = u8::try_from(from.len()).ok()?;
        Some(Bytes::from_owner(Self { len, bytes }))
    }
}

/// Each size makes one allocation of 8 bytes more than a multiple of 16. Allocators round to
/// multiples of 16 and keep 8 bytes or none for themselves, so they waste little of it.
macro_rules! sizes {
    ($($n:literal)*) => {
        fn copy_small(from: &[u8]) -> Option<Bytes> {
            match from.len() {
                $(0..=$n => Small::<$n>::copy(from),)*
                _ => None,
            }
        }

        /// The bytes that `copy_small` allocates for `len` bytes; `None` if it does not take them.
        const fn small_size(len: usize) -> Option<usize> {
            match len {
                $(0..=$n => Some(HEADER + size_of::<Small<$n>>()),)*
                _ => None,
            }
        }
    };
}

sizes!(15 31 47 63 79 95 111 127 159 191 223 255);

impl ByteView {
    /// The same bytes in memory of about their length, shared with nobody.
    ///
    /// A view keeps its whole buffer in memory, and the spare capacity of the `Vec` that it was
    /// made from. Compact a view that is kept long, say in a cache with a limit in bytes. `compact`
    /// differs from [`detached`](Self::detached) in two ways. It keeps a buffer that fits and has
    /// no other owner. And cloning its result never allocates: up to 255 bytes lie beside their
    /// reference count, and for more bytes `compact` allocates the count itself.
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
        if let Some(bytes) = copy_small(&self) {
            return Self { bytes };
        }
        let bytes = if self.bytes.is_unique() {
            // The conversion keeps the buffer and moves the bytes to its front.
            let mut buffer = Vec::from(self.bytes);
            if buffer.capacity() - buffer.len() > buffer.len() / 16 {
                buffer.shrink_to_fit();
            }
            Bytes::from(buffer)
        } else {
            Bytes::copy_from_slice(&self)
        };
        // The first clone allocates the reference count. Clone here, so that no reader pays for it.
        drop(bytes.clone());
        Self { bytes }
    }

    /// The sizes in bytes of the allocations of a [`compact`](Self::compact) view of `len` bytes,
    /// without the allocator's overhead. Zero stands for no allocation.
    ///
    /// The spare capacity that `compact` tolerates is not counted.
    #[must_use]
    pub const fn compact_sizes(len: usize) -> [usize; 2] {
        match (len, small_size(len)) {
            (0, _) => [0, 0],
            (_, Some(size)) => [size, 0],
            (_, None) => [len, SHARED],
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
        assert_eq!(ByteView::compact_sizes(64), [8 + 80, 0]);
        assert_eq!(ByteView::compact_sizes(255), [8 + 256, 0]);
        assert_eq!(ByteView::compact_sizes(256), [256, 24]);
    }
}
