//! The message `GetManyRequest`:
//!
//! | field | type | |
//! |---|---|---|
//! | 1 mode | uint32 | 0: load, 1: peek, 2: warm up |
//! | 2 keys | repeated bytes | at most [`MAX_KEYS`](crate::GetManyRequest::MAX_KEYS) |
//! | 3 known | repeated message | at most 16,384, in the order of their places |
//!
//! and in it the message `KnownChange`, a change of a key that the asker knows:
//!
//! | field | type | |
//! |---|---|---|
//! | 1 place | uint32 | that of the key among the keys |
//! | 2 origin | fixed64 | who has begun the change; always written |
//! | 3 number | uint64 | the number that the origin has given it |
//! | 4 all | bool | whether it is of all keys of the group |

use bytes::{Buf as _, Bytes};
use prost::Message;
use prost::encoding::{
    DecodeContext, WireType, decode_key, decode_varint, encode_key, encode_varint,
    encoded_len_varint, skip_field,
};

use super::part;
use crate::{ChangeId, Error, GetManyRequest, GetMode, KnownChange};

/// The most known changes of one message.
pub(in crate::native) const MAX_KNOWN_OF_ALL: usize = 16 * GetManyRequest::MAX_KEYS;

/// The message about a change that the asker knows.
#[derive(Clone, Copy, PartialEq, Message)]
struct Known {
    #[prost(uint32, tag = "1")]
    place: u32,
    #[prost(fixed64, optional, tag = "2")]
    origin: Option<u64>,
    #[prost(uint64, tag = "3")]
    number: u64,
    #[prost(bool, tag = "4")]
    all: bool,
}

impl From<(u32, KnownChange)> for Known {
    fn from((place, KnownChange { id, all }): (u32, KnownChange)) -> Self {
        Self {
            place,
            origin: Some(id.origin),
            number: id.number,
            all,
        }
    }
}

/// What a message asks for.
#[derive(Debug)]
pub(in crate::native) struct Asked<'a> {
    pub(in crate::native) mode: GetMode,
    pub(in crate::native) keys: Vec<&'a [u8]>,
    pub(in crate::native) known: Vec<(u32, KnownChange)>,
}

/// The message.
pub(in crate::native) fn encode(request: &GetManyRequest<'_>) -> Bytes {
    let keys_len = |key: &&[u8]| 1 + encoded_len_varint(key.len() as u64) + key.len();
    let known_len = |known: &(u32, KnownChange)| 2 + Known::from(*known).encoded_len();
    let length = 2
        + request.keys.iter().map(keys_len).sum::<usize>()
        + request.known.iter().map(known_len).sum::<usize>();
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
    for known in request.known {
        let known = Known::from(*known);
        encode_key(3, WireType::LengthDelimited, &mut message);
        encode_varint(known.encoded_len() as u64, &mut message);
        known.encode_raw(&mut message);
    }
    message.into()
}

/// Reads a message.
///
/// The fields are read one by one, so that a message of many empty keys, or of many changes, takes no more memory than one
/// of as many as are allowed.
pub(in crate::native) fn decode(mut message: &[u8]) -> Result<Asked<'_>, Error> {
    let bad = |what: String| Error::status(400, format!("bad request: a GetManyRequest: {what}"));
    let (mut mode, mut keys, mut known) = (GetMode::Load, Vec::new(), Vec::new());
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
                keys.push(part(&mut message).ok_or_else(|| bad("a key breaks off".into()))?);
            }
            (3, WireType::LengthDelimited) => {
                if known.len() == MAX_KNOWN_OF_ALL {
                    return Err(bad(format!("more than {} known changes", known.len())));
                }
                let change = part(&mut message);
                let change = change.ok_or_else(|| bad("a known change breaks off".into()))?;
                known.push(decode_known(change).map_err(bad)?);
            }
            _ => {
                let context = DecodeContext::default();
                skip_field(wire_type, field, &mut message, context)
                    .map_err(|error| bad(error.to_string()))?;
            }
        }
    }
    let places = |pair: &[(u32, KnownChange)]| pair[0].0 <= pair[1].0;
    let last = known.last().map(|(place, _)| *place as usize);
    if !known.windows(2).all(places) || last.is_some_and(|last| last >= keys.len()) {
        return Err(bad(
            "known changes at places without keys, or in no order".into()
        ));
    }
    Ok(Asked { mode, keys, known })
}

fn decode_known(message: &[u8]) -> Result<(u32, KnownChange), String> {
    let known = Known::decode(message).map_err(|error| error.to_string())?;
    let Known { number, all, .. } = known;
    let origin = known.origin.ok_or("a known change without an origin")?;
    let id = ChangeId { origin, number };
    Ok((known.place, KnownChange { id, all }))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn encoded(mode: GetMode, keys: &[&[u8]]) -> Bytes {
        with_known(mode, keys, &[])
    }

    fn with_known(mode: GetMode, keys: &[&[u8]], known: &[(u32, KnownChange)]) -> Bytes {
        encode(&GetManyRequest {
            group: "g",
            keys,
            mode,
            known,
        })
    }

    fn known(origin: u64, number: u64, all: bool) -> KnownChange {
        let id = ChangeId { origin, number };
        KnownChange { id, all }
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
        let known = [(0, known(0, 1, false)), (2, known(0x0102, 300, true))];
        let golden = [
            &*encoded(GetMode::Load, &keys),
            b"\x1a\x0b\x11\0\0\0\0\0\0\0\0\x18\x01",
            b"\x1a\x10\x08\x02\x11\x02\x01\0\0\0\0\0\0\x18\xac\x02\x20\x01",
        ];
        let message = with_known(GetMode::Load, &keys, &known);
        assert_eq!(message, golden.concat());
    }

    proptest! {
        #[test]
        fn a_request_reads_back(
            keys: Vec<Vec<u8>>,
            mode in 0..3,
            changes: Vec<(prop::sample::Index, u64, u64, bool)>,
        ) {
            let mode = [GetMode::Load, GetMode::Peek, GetMode::WarmUp][mode as usize];
            let keys: Vec<&[u8]> = keys.iter().map(Vec::as_slice).collect();
            let changes = changes.into_iter().filter(|_| !keys.is_empty());
            let mut changes: Vec<_> = changes
                .map(|(place, origin, number, all)| {
                    (place.index(keys.len()) as u32, known(origin, number, all))
                })
                .collect();
            changes.sort_by_key(|(place, _)| *place);
            let message = with_known(mode, &keys, &changes);
            let arrived = decode(&message).unwrap();
            prop_assert_eq!(arrived.mode, mode);
            prop_assert_eq!(arrived.keys, keys);
            prop_assert_eq!(arrived.known, changes);
        }

        #[test]
        fn no_bytes_panic_or_become_more_keys_than_bytes(bytes: Vec<u8>) {
            let length = bytes.len();
            if let Ok(Asked { keys, known, .. }) = decode(&bytes) {
                prop_assert!(2 * keys.len() + 11 * known.len() <= length);
                prop_assert!(keys.iter().map(|key| key.len()).sum::<usize>() <= length);
            }
        }
    }

    #[test]
    fn as_many_keys_as_are_allowed_arrive_and_one_more_is_refused() {
        let keys = vec![b"".as_slice(); GetManyRequest::MAX_KEYS + 1];
        let message = encoded(GetMode::Load, &keys[1..]);
        let arrived = decode(&message).unwrap();
        assert_eq!(arrived.keys.len(), GetManyRequest::MAX_KEYS);
        let error = decode(&encoded(GetMode::Load, &keys)).unwrap_err();
        assert!(error.to_string().contains("more than 1024 keys"), "{error}");
    }

    #[test]
    fn as_many_known_changes_as_are_allowed_arrive_and_one_more_is_refused() {
        let changes = vec![(0, known(1, 2, false)); MAX_KNOWN_OF_ALL + 1];
        let message = with_known(GetMode::Load, &[b""], &changes[1..]);
        let arrived = decode(&message).unwrap();
        assert_eq!(arrived.known.len(), MAX_KNOWN_OF_ALL);
        let error = decode(&with_known(GetMode::Load, &[b""], &changes)).unwrap_err();
        assert!(error.to_string().contains("more than 16384"), "{error}");
    }

    #[test]
    fn known_changes_without_a_key_or_in_no_order_are_refused() {
        let change = known(1, 2, false);
        for places in [&[1][..], &[0, 1], &[u32::MAX], &[1, 0]] {
            let keys: &[&[u8]] = match places {
                [1, 0] => &[b"k", b"l"],
                _ => &[b"k"],
            };
            let changes: Vec<_> = places.iter().map(|place| (*place, change)).collect();
            let error = decode(&with_known(GetMode::Load, keys, &changes)).unwrap_err();
            assert!(error.to_string().contains("places"), "{error}");
        }
    }

    #[test]
    fn unknown_fields_are_skipped_and_an_unknown_mode_or_a_broken_key_is_refused() {
        let asked = decode(b"\x7a\x02??\x12\x01k").unwrap();
        assert_eq!(asked.keys, [b"k"]);
        for (message, text) in [
            (b"\x08\x03".as_slice(), "unknown mode 3"),
            (b"\x12\x05abc", "a key breaks off"),
            (b"\x1a\x05abc", "a known change breaks off"),
            (b"\x1a\x02\x18\x01", "a known change without an origin"),
            (b"\x1a\x01\xff", "a GetManyRequest"),
            (b"\x7a\x05abc", "a GetManyRequest"),
            (b"\x12", "a GetManyRequest"),
        ] {
            let error = decode(message).unwrap_err();
            assert!(error.to_string().contains(text), "{error}");
        }
    }
}
