use std::convert::Infallible;

use byteview::ByteView;
use prost::{DecodeError, Message};

use crate::Codec;

/// A protobuf message, by prost.
///
/// Fields of the type `Bytes` are slices of the cached bytes, not copies.
#[derive(Clone, Copy, Debug, Default)]
pub struct Protobuf;

impl<T: Message + Default> Codec<T> for Protobuf {
    type EncodeError = Infallible;
    type DecodeError = DecodeError;

    fn encode(&self, value: &T) -> Result<ByteView, Infallible> {
        Ok(value.encode_to_vec().into())
    }

    fn decode(&self, bytes: ByteView) -> Result<T, DecodeError> {
        T::decode(bytes.into_bytes())
    }
}
