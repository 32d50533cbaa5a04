//! The message `RemoveKeysRequest`:
//!
//! | field | type | |
//! |---|---|---|
//! | 1 group | string | the path names it too, and counts |
//! | 2 keys | repeated bytes | |

use bytes::Bytes;
use prost::Message;
use prost::encoding::{WireType, encode_key, encode_varint, encoded_len_varint};

use crate::Error;

#[derive(Clone, PartialEq, Message)]
struct RemoveKeysRequest {
    #[prost(bytes = "bytes", tag = "1")]
    group: Bytes,
    #[prost(bytes = "bytes", repeated, tag = "2")]
    keys: Vec<Bytes>,
}

/// A message about as many of the keys as fit into `limit` bytes, at least one, and how many those
/// are.
pub(in crate::native) fn encode(group: &str, keys: &[&[u8]], limit: usize) -> (usize, Vec<u8>) {
    let mut message = Vec::new();
    encode_bytes(1, group.as_bytes(), &mut message);
    let mut encoded = 0;
    for key in keys {
        let length = 1 + encoded_len_varint(key.len() as u64) + key.len();
        if encoded > 0 && message.len() + length > limit {
            break;
        }
        encode_bytes(2, key, &mut message);
        encoded += 1;
    }
    (encoded, message)
}

fn encode_bytes(field: u32, bytes: &[u8], message: &mut Vec<u8>) {
    encode_key(field, WireType::LengthDelimited, message);
    encode_varint(bytes.len() as u64, message);
    message.extend_from_slice(bytes);
}

/// The keys in a message, slices of it. The memory is at most sixteen times the message's, which is
/// why those are kept short.
pub(in crate::native) fn decode(message: Bytes) -> Result<Vec<Bytes>, Error> {
    let message = RemoveKeysRequest::decode(message).map_err(|error| {
        Error::status(400, format!("bad request: a RemoveKeysRequest: {error}"))
    })?;
    Ok(message.keys)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn keys_of_any_bytes_arrive_in_batches_within_the_limit(
            keys: Vec<Vec<u8>>,
            limit in 0_usize..300,
        ) {
            let keys: Vec<&[u8]> = keys.iter().map(Vec::as_slice).collect();
            let (mut rest, mut arrived) = (&*keys, Vec::new());
            while !rest.is_empty() {
                let (batch, message) = encode("g", rest, limit);
                prop_assert!(message.len() <= limit || batch == 1);
                arrived.extend(decode(message.into()).unwrap());
                rest = &rest[batch..];
            }
            prop_assert_eq!(arrived, keys);
        }

        #[test]
        fn no_bytes_panic_or_become_more_keys_than_bytes(bytes: Vec<u8>) {
            let length = bytes.len();
            if let Ok(keys) = decode(bytes.into()) {
                prop_assert!(keys.len() <= length / 2);
                prop_assert!(keys.iter().map(Bytes::len).sum::<usize>() <= length);
            }
        }
    }

    #[test]
    fn the_message_is_the_one_that_prost_makes() {
        let keys = [Bytes::from_static(b"a b"), Bytes::from_static(b"\xff")];
        let message = RemoveKeysRequest {
            group: Bytes::from_static(b"g"),
            keys: keys.to_vec(),
        };
        let keys: Vec<&[u8]> = keys.iter().map(|key| &**key).collect();
        assert_eq!(encode("g", &keys, 1000), (2, message.encode_to_vec()));
    }
}
