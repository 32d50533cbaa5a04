use std::convert::Infallible;
use std::str::Utf8Error;

use byteview::ByteView;

use crate::Codec;

/// Text as UTF-8: `String`, `Box<str>`, `Arc<str>` and whatever else is made from a `&str`.
///
/// A get checks that the bytes are UTF-8 and copies them. To borrow them instead, get the bytes from
/// [`TypedGroup::group`](crate::TypedGroup::group) and call [`ByteView::to_str`].
#[derive(Clone, Copy, Debug, Default)]
pub struct Text;

impl<T> Codec<T> for Text
where
    T: AsRef<str> + for<'a> From<&'a str>,
{
    type EncodeError = Infallible;
    type DecodeError = Utf8Error;

    fn encode(&self, value: &T) -> Result<ByteView, Infallible> {
        Ok(ByteView::copy_from_slice(value.as_ref().as_bytes()))
    }

    fn decode(&self, bytes: ByteView) -> Result<T, Utf8Error> {
        bytes.to_str().map(T::from)
    }
}
