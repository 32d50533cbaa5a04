//! Bytes in, bytes out, and no copy of a buffer that the format hands over.
#![cfg(feature = "serde")]

use byteview::ByteView;
use serde::de::value::{BorrowedBytesDeserializer, Error, SeqDeserializer, StringDeserializer};
use serde::de::{Deserialize, Deserializer, IntoDeserializer, Visitor};

/// A format that owns its buffer and gives it away.
struct Owning(Vec<u8>);

impl<'de> Deserializer<'de> for Owning {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_byte_buf(self.0)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit unit_struct newtype_struct seq tuple tuple_struct map struct enum identifier
        ignored_any
    }
}

#[test]
fn survives_a_round_trip_through_json() {
    let view = ByteView::from(b"\x00caf\xc3\xa9\xff");
    let json = serde_json::to_string(&view).unwrap();
    assert_eq!(json, "[0,99,97,102,195,169,255]");
    assert_eq!(serde_json::from_str::<ByteView>(&json).unwrap(), view);
    assert_eq!(serde_json::from_str::<ByteView>("[]").unwrap(), "");
}

#[test]
fn accepts_text() {
    assert_eq!(
        serde_json::from_str::<ByteView>(r#""caf\u00e9""#).unwrap(),
        "café"
    );
}

#[test]
fn refuses_what_is_not_bytes() {
    for json in ["[256]", "[-1]", "[\"a\"]", "1", "null", "{}"] {
        assert!(serde_json::from_str::<ByteView>(json).is_err(), "{json}");
    }
    let error = serde_json::from_str::<ByteView>("true").unwrap_err();
    assert!(error.to_string().contains("expected bytes"), "{error}");
}

#[test]
fn takes_over_an_owned_buffer() {
    let bytes = b"hello".to_vec();
    let before = bytes.as_ptr();
    let view = ByteView::deserialize(Owning(bytes)).unwrap();
    assert_eq!(
        (view.as_ptr(), view.as_bytes()),
        (before, b"hello".as_slice())
    );

    let text = String::from("hello");
    let before = text.as_ptr();
    let deserializer: StringDeserializer<Error> = text.into_deserializer();
    let view = ByteView::deserialize(deserializer).unwrap();
    assert_eq!(
        (view.as_ptr(), view.as_bytes()),
        (before, b"hello".as_slice())
    );
}

#[test]
fn copies_a_borrowed_buffer() {
    let bytes = b"hello".to_vec();
    let view = ByteView::deserialize(BorrowedBytesDeserializer::<Error>::new(&bytes)).unwrap();
    drop(bytes);
    assert_eq!(view, "hello");
}

#[test]
fn does_not_reserve_what_a_sequence_only_claims() {
    /// Claims to hold `usize::MAX` bytes, and holds one.
    struct Liar(Option<u8>);

    impl Iterator for Liar {
        type Item = u8;

        fn next(&mut self) -> Option<u8> {
            self.0.take()
        }

        fn size_hint(&self) -> (usize, Option<usize>) {
            (usize::MAX, Some(usize::MAX))
        }
    }

    let deserializer = SeqDeserializer::<_, Error>::new(Liar(Some(7)));
    assert_eq!(ByteView::deserialize(deserializer).unwrap(), [7]);
}
