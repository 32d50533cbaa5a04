//! Views in memory that is about as large as what they show.

use bytes::Bytes;

use crate::ByteView;

/// Some bytes and how many of them count, to be allocated together with the count of those who share
/// them.
struct Small<const N: usize> {
    len: u8,
    bytes: [u8; N],
}

impl<const N: usize> AsRef<[u8]> for Small<N> {
    fn as_ref(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }
}

/// What [`Bytes`] puts in front of an owner: a count.
const HEADER: usize = size_of::<usize>();

/// What [`Bytes`] allocates for a buffer that is shared: pointer, capacity and count.
const SHARED: usize = 3 * size_of::<usize>();

impl<const N: usize> Small<N> {
    /// `None` if they are too many.
    fn copy(from: &[u8]) -> Option<Bytes> {
        let mut bytes = [0; N];
        bytes.get_mut(..from.len())?.copy_from_slice(from);
        let len = u8::try_from(from.len()).ok()?;
        Some(Bytes::from_owner(Self { len, bytes }))
    }
}

/// One allocation for all; sizes are such that allocators, which deal in multiples of 16 and keep 8
/// bytes for themselves or none, waste little.
macro_rules! sizes {
    ($($n:literal)*) => {
        fn copy_small(from: &[u8]) -> Option<Bytes> {
            match from.len() {
                $(0..=$n => Small::<$n>::copy(from),)*
                _ => None,
            }
        }

        /// The bytes that this allocates.
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
    /// The same bytes in memory that is about as large as they are, and shared with nobody.
    ///
    /// A view keeps the whole buffer in memory that it shows a part of, and the spare capacity of the
    /// `Vec` that it was made from. This is for what will be kept long, say in a cache that counts bytes.
    /// Unlike [`detached`](Self::detached) it takes a buffer over that fits and has no other owner, and
    /// cloning the result never allocates: up to 255 bytes lie beside the count of their owners.
    ///
    /// Copies if the bytes are few, if the buffer has other owners, or if more than a sixteenth of it
    /// is not in view.
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
            // Takes the buffer over; the bytes move to its front.
            let mut buffer = Vec::from(self.bytes);
            if buffer.capacity() - buffer.len() > buffer.len() / 16 {
                buffer.shrink_to_fit();
            }
            Bytes::from(buffer)
        } else {
            Bytes::copy_from_slice(&self)
        };
        // The first clone allocates the count. Now is the time: a reader should not have to.
        drop(bytes.clone());
        Self { bytes }
    }

    /// The sizes of the allocations of a [`compact`](Self::compact) view of so many bytes, without what
    /// the allocator adds. Zero stands for none.
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
