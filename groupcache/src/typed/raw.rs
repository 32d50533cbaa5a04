use std::convert::Infallible;

use byteview::ByteView;

use crate::Codec;

/// Bytes as they are: `ByteView` and `Bytes` without copying, `Vec<u8>` with a copy for each get.
#[derive(Clone, Copy, Debug, Default)]
pub struct Raw;

impl<T> Codec<T> for Raw
where
    T: Clone + Into<ByteView> + From<ByteView>,
{
    type EncodeError = Infallible;
    type DecodeError = Infallible;

    fn encode(&self, value: &T) -> Result<ByteView, Infallible> {
        Ok(value.clone().into())
    }

    fn decode(&self, bytes: ByteView) -> Result<T, Infallible> {
        Ok(bytes.into())
    }
}
