use byteview::ByteView;
use rmp_serde::{Deserializer, decode, encode};
use serde::Serialize;
use serde::de::{DeserializeOwned, Error as _};

use crate::Codec;

/// MessagePack, by serde: the data of JSON in fewer bytes, and binary data without base64.
///
/// Structs are written as maps with the names of their fields, so that old and new versions of a
/// type read each other as with JSON.
#[derive(Clone, Copy, Debug, Default)]
pub struct MessagePack;

impl<T: Serialize + DeserializeOwned> Codec<T> for MessagePack {
    type EncodeError = encode::Error;
    type DecodeError = decode::Error;

    fn encode(&self, value: &T) -> Result<ByteView, encode::Error> {
        rmp_serde::to_vec_named(value).map(ByteView::from)
    }

    fn decode(&self, bytes: ByteView) -> Result<T, decode::Error> {
        let mut rest = &bytes[..];
        let value = T::deserialize(&mut Deserializer::new(&mut rest))?;
        // The library is content with a value at the beginning.
        match rest.len() {
            0 => Ok(value),
            more => Err(decode::Error::custom(format_args!(
                "{more} bytes follow the value"
            ))),
        }
    }
}
