//! The message `GetManyRequest`:
//!
//! | field | type | |
//! |---|---|---|
//! | 1 mode | uint32 | 0: load, 1: peek, 2: warm up |
//! | 2 keys | repeated bytes | at most [`MAX_KEYS`](crate::GetManyRequest::MAX_KEYS) |

use bytes::{Buf, Bytes};
use prost::encoding::{
    DecodeContext, WireType, decode_key, decode_varint, encode_key, encode_varint,
    encoded_len_varint, skip_field,
};

use super::slice;
use crate::{Error, GetManyRequest, GetMode};

/// The message.
pub(in crate::native) fn encode(request: &GetManyRequest<'_>) -> Bytes {
    let keys_len = |key: &&[u8]| 1 + encoded_len_varint(key.len() as u64) + key.len();
    let length = 2 + request.keys.iter().map(keys_len).sum::<usize>();
    let mut message = Vec::with_capacity(length);
    let mode = match request.mode {
        GetMode::Load => 0,
        GetMode::Peek => 1,
        GetMode::WarmUp => 2,
    };
    if mode != 0 {
        encode_key(1, WireType::Varint, &mut message);
        encode_varint(mode, &mut message);
    }
    for key in request.keys {
        encode_key(2, WireType::LengthDelimited, &mut message);
        encode_varint(key.len() as u64, &mut message);
        message.extend_from_slice(key);
    }
    message.into()
}

/// The mode and the keys in a message, slices of it.
///
/// The fields are read one by one, so that a message of many empty keys takes no more memory than one of
/// as many as are allowed.
pub(in crate::native) fn decode(mut message: Bytes) -> Result<(GetMode, Vec<Bytes>), Error> {
    let bad = |what: String| Error::status(400, format!("bad request: a GetManyRequest: {what}"));
    let (mut mode, mut keys) = (GetMode::Load, Vec::new());
    while message.has_remaining() {
        let (field, wire_type) =
            decode_key(&mut message).map_err(|error| bad(error.to_string()))?;
        match (field, wire_type) {
            (1, WireType::Varint) => {
                let number = decode_varint(&mut message).map_err(|error| bad(error.to_string()))?;
                mode = match number {
                    0 => GetMode::Load,
                    1 => GetMode::Peek,
                    2 => GetMode::WarmUp,
                    other => return Err(bad(format!("an unknown mode {other}"))),
                };
            }
            (2, WireType::LengthDelimited) => {
                if keys.len() == GetManyRequest::MAX_KEYS {
                    return Err(bad(format!("more than {} keys", keys.len())));
                }
                keys.push(slice(&mut message).ok_or_else(|| bad("a key breaks off".into()))?);
            }
            _ => {
                let context = DecodeContext::default();
                skip_field(wire_type, field, &mut message, context)
                    .map_err(|error| bad(error.to_string()))?;
            }
        }
    }
    Ok((mode, keys))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn encoded(mode: GetMode, keys: &[&[u8]]) -> Bytes {
        let group = "g";
        encode(&GetManyRequest { group, keys, mode })
    }

    #[test]
    fn the_bytes_are_these() {
        let keys: [&[u8]; 3] = [b"cat", b"", b"\xff"];
        assert_eq!(
            &*encoded(GetMode::Load, &keys),
            b"\x12\x03cat\x12\x00\x12\x01\xff"
        );
        assert_eq!(&*encoded(GetMode::Peek, &keys[..1]), b"\x08\x01\x12\x03cat");
        assert_eq!(&*encoded(GetMode::WarmUp, &[]), b"\x08\x02");
    }

    proptest! {
        #[test]
        fn a_request_reads_back(keys: Vec<Vec<u8>>, mode in 0..3) {
            let mode = [GetMode::Load, GetMode::Peek, GetMode::WarmUp][mode as usize];
            let keys: Vec<&[u8]> = keys.iter().map(Vec::as_slice).collect();
            let (read, arrived) = decode(encoded(mode, &keys)).unwrap();
            prop_assert_eq!(read, mode);
            prop_assert_eq!(arrived, keys);
        }

        #[test]
        fn no_bytes_panic_or_become_more_keys_than_bytes(bytes: Vec<u8>) {
            let length = bytes.len();
            if let Ok((_, keys)) = decode(bytes.into()) {
                prop_assert!(keys.len() <= length / 2);
                prop_assert!(keys.iter().map(Bytes::len).sum::<usize>() <= length);
            }
        }
    }

    #[test]
    fn as_many_keys_as_are_allowed_arrive_and_one_more_is_refused() {
        let keys = vec![b"".as_slice(); GetManyRequest::MAX_KEYS + 1];
        let (_, arrived) = decode(encoded(GetMode::Load, &keys[1..])).unwrap();
        assert_eq!(arrived.len(), GetManyRequest::MAX_KEYS);
        let error = decode(encoded(GetMode::Load, &keys)).unwrap_err();
        assert!(error.to_string().contains("more than 1024 keys"), "{error}");
    }

    #[test]
    fn unknown_fields_are_skipped_and_an_unknown_mode_or_a_broken_key_is_refused() {
        let (_, keys) = decode(Bytes::from_static(b"\x7a\x02??\x12\x01k")).unwrap();
        assert_eq!(keys, ["k"]);
        for (message, text) in [
            (b"\x08\x03".as_slice(), "unknown mode 3"),
            (b"\x12\x05abc", "a key breaks off"),
            (b"\x7a\x05abc", "a GetManyRequest"),
            (b"\x12", "a GetManyRequest"),
        ] {
            let error = decode(Bytes::from_static(message)).unwrap_err();
            assert!(error.to_string().contains(text), "{error}");
        }
    }
}
