//! Conversions. Those into a view copy no bytes, except collecting an iterator.

use std::borrow::Cow;
use std::string::FromUtf8Error;

use bytes::{Bytes, BytesMut};

use crate::ByteView;
use crate::arena::Repr;

/// `From` for types that convert to [`Bytes`] without copying.
macro_rules! view_from {
    ($($owner:ty,)*) => {$(
        impl From<$owner> for ByteView {
            fn from(owner: $owner) -> Self {
                Self::of(Repr::from(Bytes::from(owner)))
            }
        }
    )*};
}

view_from! {
    Vec<u8>,
    Box<[u8]>,
    String,
    Bytes,
    BytesMut,
}

impl From<&'static [u8]> for ByteView {
    fn from(bytes: &'static [u8]) -> Self {
        Self::from_static(bytes)
    }
}

impl From<&'static str> for ByteView {
    fn from(text: &'static str) -> Self {
        Self::from_static(text.as_bytes())
    }
}

impl<const N: usize> From<&'static [u8; N]> for ByteView {
    fn from(bytes: &'static [u8; N]) -> Self {
        Self::from_static(bytes)
    }
}

impl From<Box<str>> for ByteView {
    fn from(text: Box<str>) -> Self {
        text.into_boxed_bytes().into()
    }
}

impl From<Cow<'static, [u8]>> for ByteView {
    fn from(bytes: Cow<'static, [u8]>) -> Self {
        match bytes {
            Cow::Borrowed(bytes) => bytes.into(),
            Cow::Owned(bytes) => bytes.into(),
        }
    }
}

impl From<Cow<'static, str>> for ByteView {
    fn from(text: Cow<'static, str>) -> Self {
        match text {
            Cow::Borrowed(text) => text.into(),
            Cow::Owned(text) => text.into(),
        }
    }
}

impl FromIterator<u8> for ByteView {
    fn from_iter<I: IntoIterator<Item = u8>>(bytes: I) -> Self {
        Vec::from_iter(bytes).into()
    }
}

impl From<ByteView> for Bytes {
    fn from(view: ByteView) -> Self {
        view.into_bytes()
    }
}

/// Takes over the buffer if the view is its only user and the buffer came from a `Vec`, `String` or
/// boxed slice. Copies the bytes otherwise.
impl From<ByteView> for Vec<u8> {
    fn from(view: ByteView) -> Self {
        view.into_bytes().into()
    }
}

/// Copies the bytes in the cases in which the conversion to `Vec<u8>` does. If the bytes are not
/// UTF-8, the error gives them back.
impl TryFrom<ByteView> for String {
    type Error = FromUtf8Error;

    fn try_from(view: ByteView) -> Result<Self, Self::Error> {
        String::from_utf8(view.into())
    }
}
