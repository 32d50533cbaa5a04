use std::fmt;

use serde::de::{Deserialize, Deserializer, SeqAccess, Visitor};
use serde::ser::{Serialize, Serializer};

use crate::ByteView;

/// Serializes the view as bytes.
impl Serialize for ByteView {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self)
    }
}

/// Deserializes bytes, text, or a sequence of numbers up to 255. Formats without a type for bytes,
/// such as JSON, write bytes as such a sequence. An owned buffer from the format is not copied.
impl<'de> Deserialize<'de> for ByteView {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_byte_buf(ByteViewVisitor)
    }
}

struct ByteViewVisitor;

impl<'de> Visitor<'de> for ByteViewVisitor {
    type Value = ByteView;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bytes")
    }

    fn visit_bytes<E>(self, bytes: &[u8]) -> Result<ByteView, E> {
        Ok(ByteView::copy_from_slice(bytes))
    }

    fn visit_byte_buf<E>(self, bytes: Vec<u8>) -> Result<ByteView, E> {
        Ok(bytes.into())
    }

    fn visit_str<E>(self, text: &str) -> Result<ByteView, E> {
        Ok(ByteView::copy_from_slice(text.as_bytes()))
    }

    fn visit_string<E>(self, text: String) -> Result<ByteView, E> {
        Ok(text.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<ByteView, A::Error> {
        // The sender chooses the hint. Reserve little for it, and grow as bytes arrive.
        const MAX_RESERVED: usize = 4096;
        let claimed = seq.size_hint().unwrap_or(0);
        let mut bytes = Vec::with_capacity(claimed.min(MAX_RESERVED));
        while let Some(byte) = seq.next_element()? {
            bytes.push(byte);
        }
        Ok(bytes.into())
    }
}
