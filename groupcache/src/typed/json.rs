use byteview::ByteView;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Error;

use crate::Codec;

/// JSON, by serde: readable everywhere, and old and new versions of a type read each other as far as
/// its serde attributes let them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Json;

impl<T: Serialize + DeserializeOwned> Codec<T> for Json {
    type EncodeError = Error;
    type DecodeError = Error;

    fn encode(&self, value: &T) -> Result<ByteView, Error> {
        serde_json::to_vec(value).map(ByteView::from)
    }

    fn decode(&self, bytes: ByteView) -> Result<T, Error> {
        serde_json::from_slice(&bytes)
    }
}
