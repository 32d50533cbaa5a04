use std::borrow::{Borrow, Cow};
use std::ops::{Bound, Deref, RangeBounds};
use std::slice;
use std::str::{self, Utf8Error};

use bytes::Bytes;

use crate::arena::Repr;

/// An immutable view of bytes that is cheap to clone.
///
/// A view shares ownership of its buffer: clones and slices point into the same buffer, and the
/// last of them to be dropped frees the buffer. `ByteView` has the size of a [`Bytes`], and holds one, static bytes, or a block of an
/// [`Arena`](crate::Arena). It lacks the methods that move or shorten a handle in place, so a view shows the same
/// bytes for as long as it lives.
///
/// All methods of `[u8]` are available through [`Deref`], including `view[i]` and `view[a..b]`.
///
/// # Comparing
///
/// Equality, ordering and hashing are those of the byte slice, whichever buffer holds the bytes. So
/// a map keyed by `ByteView` can be searched with a `&[u8]`. Such a map cannot be searched with a
/// `&str`, because the standard library hashes a `str` differently from its bytes: use
/// [`str::as_bytes`].
///
/// # Complexity
///
/// Cloning and slicing take constant time, copy no bytes and allocate nothing. The conversion of a buffer allocates a reference count
/// of a few words, which all clones share. Views of static bytes never allocate.
#[derive(Clone)]
pub struct ByteView {
    repr: Repr,
}

impl ByteView {
    /// An empty view. Does not allocate.
    #[must_use]
    pub const fn new() -> Self {
        Self::from_static(&[])
    }

    /// A view of bytes that live as long as the program. Does not allocate.
    ///
    /// ```
    /// use byteview::ByteView;
    ///
    /// const OK: ByteView = ByteView::from_static(b"OK");
    /// assert_eq!(OK, "OK");
    /// ```
    #[must_use]
    pub const fn from_static(bytes: &'static [u8]) -> Self {
        Self::of(Repr::program(bytes))
    }

    /// A view of a copy of `bytes`, in an allocation that is no longer than they need.
    #[must_use]
    pub fn copy_from_slice(bytes: &[u8]) -> Self {
        Self::of(Repr::copied(bytes))
    }

    /// The number of bytes in view. The buffer behind the view may hold far more.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.repr.len()
    }

    /// Whether no byte is in view.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.repr.as_bytes()
    }

    /// The byte at `index`, or `None` past the end.
    #[must_use]
    pub fn at(&self, index: usize) -> Option<u8> {
        self.as_bytes().get(index).copied()
    }

    /// A view of a part of this view, sharing its buffer.
    ///
    /// The part keeps the whole buffer alive; see [`detached`](Self::detached).
    ///
    /// ```
    /// use byteview::ByteView;
    ///
    /// let view = ByteView::from("hello, world");
    /// assert_eq!(view.slice(7..), "world");
    /// ```
    ///
    /// # Panics
    ///
    /// Panics if the range starts after its end or ends after [`len`](Self::len), as indexing a
    /// `[u8]` does. Use [`checked_slice`](Self::checked_slice) for a range from an untrusted
    /// source.
    #[must_use]
    pub fn slice(&self, range: impl RangeBounds<usize>) -> Self {
        let range = (range.start_bound().cloned(), range.end_bound().cloned());
        Self::of(self.repr.part(range))
    }

    /// A view of a part of this view, sharing its buffer, or `None` where [`slice`](Self::slice)
    /// would panic.
    ///
    /// ```
    /// use byteview::ByteView;
    ///
    /// let view = ByteView::from("hello");
    /// assert_eq!(view.checked_slice(1..=2).unwrap(), "el");
    /// assert!(view.checked_slice(2..6).is_none());
    /// ```
    #[must_use]
    pub fn checked_slice(&self, range: impl RangeBounds<usize>) -> Option<Self> {
        let start = match range.start_bound() {
            Bound::Included(&start) => start,
            Bound::Excluded(&before) => before.checked_add(1)?,
            Bound::Unbounded => 0,
        };
        let end = match range.end_bound() {
            Bound::Included(&last) => last.checked_add(1)?,
            Bound::Excluded(&end) => end,
            Bound::Unbounded => self.len(),
        };
        (start <= end && end <= self.len()).then(|| self.slice(start..end))
    }

    /// A view of the same bytes in an allocation that is no longer than they need, shared with nobody.
    ///
    /// A small slice keeps its whole buffer in memory, and a view of a `Vec` keeps the spare
    /// capacity. Detach a view that is kept long and is much smaller than its buffer, say a field
    /// of a parsed message that goes into a cache with a limit in bytes.
    ///
    /// This method copies the bytes unless the view is empty. [`Bytes`] does not tell the size of
    /// its buffer, so the caller has to know when the copy is worth its cost.
    ///
    /// ```
    /// use byteview::ByteView;
    ///
    /// let message = ByteView::from(vec![b'x'; 1 << 20]);
    /// let id = message.slice(..16).detached();
    /// drop(message); // frees the megabyte
    /// assert_eq!(id, "x".repeat(16));
    /// ```
    #[must_use]
    pub fn detached(&self) -> Self {
        Self::copy_from_slice(self)
    }

    /// The bytes as text, if they are UTF-8.
    ///
    /// # Errors
    ///
    /// [`Utf8Error`] if the bytes are not UTF-8; it says where the valid text ends.
    pub fn to_str(&self) -> Result<&str, Utf8Error> {
        str::from_utf8(self)
    }

    /// The bytes as text, with U+FFFD in place of each invalid sequence. Copies only if the bytes
    /// are not UTF-8.
    #[must_use]
    pub fn to_str_lossy(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(self)
    }

    /// Copies as many bytes as fit to the front of `target`, and returns the number copied.
    ///
    /// The rest of `target` stays unchanged.
    ///
    /// ```
    /// use byteview::ByteView;
    ///
    /// let mut target = [0; 4];
    /// assert_eq!(ByteView::from("hello").copy_to(&mut target), 4);
    /// assert_eq!(&target, b"hell");
    /// ```
    pub fn copy_to(&self, target: &mut [u8]) -> usize {
        let n = self.len().min(target.len());
        target[..n].copy_from_slice(&self[..n]);
        n
    }

    /// The bytes as [`Bytes`], without copying. Allocates a reference count if the view shares a block of an
    /// [`Arena`](crate::Arena), or a copy.
    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        match self.repr.into_bytes() {
            Ok(bytes) => bytes,
            Err(repr) => Bytes::from_owner(Self::of(repr)),
        }
    }

    #[inline]
    pub(crate) const fn of(repr: Repr) -> Self {
        Self { repr }
    }

    pub(crate) fn into_repr(self) -> Repr {
        self.repr
    }

    pub(crate) const fn repr(&self) -> &Repr {
        &self.repr
    }
}

impl Default for ByteView {
    fn default() -> Self {
        Self::new()
    }
}

impl Deref for ByteView {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        self.repr.as_bytes()
    }
}

impl AsRef<[u8]> for ByteView {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

/// Keeps the contract of `Borrow`: `Eq`, `Ord` and `Hash` are those of the slice.
impl Borrow<[u8]> for ByteView {
    fn borrow(&self) -> &[u8] {
        self
    }
}

impl<'a> IntoIterator for &'a ByteView {
    type Item = &'a u8;
    type IntoIter = slice::Iter<'a, u8>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
