//! Comparisons: a view compares as its byte slice, whichever type holds the other side's bytes.

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};

use bytes::{Bytes, BytesMut};

use crate::ByteView;

impl PartialEq for ByteView {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for ByteView {}

impl PartialOrd for ByteView {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ByteView {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_bytes().cmp(other.as_bytes())
    }
}

/// Hashes as the byte slice does, which `Borrow<[u8]>` requires.
impl Hash for ByteView {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_bytes().hash(state);
    }
}

/// Implements equality and order with a type that gives its bytes through `AsRef<[u8]>`, with the
/// view on the left.
macro_rules! compare_view_with {
    ($($other:ty $(, const $N:ident)?;)*) => {$(
        impl $(<const $N: usize>)? PartialEq<$other> for ByteView {
            fn eq(&self, other: &$other) -> bool {
                self.as_bytes() == AsRef::<[u8]>::as_ref(other)
            }
        }

        impl $(<const $N: usize>)? PartialOrd<$other> for ByteView {
            fn partial_cmp(&self, other: &$other) -> Option<Ordering> {
                self.as_bytes().partial_cmp(AsRef::<[u8]>::as_ref(other))
            }
        }
    )*};
}

/// Implements the same comparisons with the view on the right.
macro_rules! compare_with_view {
    ($($other:ty $(, const $N:ident)?;)*) => {$(
        impl $(<const $N: usize>)? PartialEq<ByteView> for $other {
            fn eq(&self, view: &ByteView) -> bool {
                AsRef::<[u8]>::as_ref(self) == view.as_bytes()
            }
        }

        impl $(<const $N: usize>)? PartialOrd<ByteView> for $other {
            fn partial_cmp(&self, view: &ByteView) -> Option<Ordering> {
                AsRef::<[u8]>::as_ref(self).partial_cmp(view.as_bytes())
            }
        }
    )*};
}

compare_view_with! {
    [u8];
    [u8; N], const N;
    str;
    Vec<u8>;
    String;
    Bytes;
    BytesMut;
}

compare_with_view! {
    [u8];
    &[u8];
    [u8; N], const N;
    &[u8; N], const N;
    str;
    &str;
    Vec<u8>;
    String;
    Bytes;
    BytesMut;
}

// References on the right, for all types above at once: `view == "text"`, `view < b"m"`.

impl<T: ?Sized> PartialEq<&T> for ByteView
where
    ByteView: PartialEq<T>,
{
    fn eq(&self, other: &&T) -> bool {
        *self == **other
    }
}

impl<T: ?Sized> PartialOrd<&T> for ByteView
where
    ByteView: PartialOrd<T>,
{
    fn partial_cmp(&self, other: &&T) -> Option<Ordering> {
        self.partial_cmp(*other)
    }
}
