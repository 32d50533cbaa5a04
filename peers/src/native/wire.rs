//! The message `RemoveKeysRequest`:
//!
//! | field | type | |
//! |---|---|---|
//! | 1 group | string | the path says it too, and counts |
//! | 2 keys | repeated bytes | |
//!
//! The message `ChangesRequest`:
//!
//! | field | type | |
//! |---|---|---|
//! | 1 log | fixed64 | which of the peer's logs is known; 0 for none |
//! | 2 changes | uint64 | how far |
//!
//! The message `ChangesResponse`:
//!
//! | field | type | |
//! |---|---|---|
//! | 1 log | fixed64 | the log |
//! | 2 changes | uint64 | how far this tells |
//! | 3 logged | repeated message | |
//! | 4 all | bool | any key that the peer owns may have changed |
//!
//! and in it the message `LoggedChange`:
//!
//! | field | type | |
//! |---|---|---|
//! | 1 id | fixed64 | the change's id; 0 for none |
//! | 2 key | bytes | absent: all keys of the group were removed |

use bytes::Bytes;
use prost::Message;
use prost::encoding::{WireType, encode_key, encode_varint, encoded_len_varint};

use crate::http::question::MAX_KEYS_BYTES;
use crate::{Changes, Error, LogPosition, LoggedChange};

#[derive(Clone, PartialEq, Message)]
pub(super) struct RemoveKeysRequest {
    #[prost(bytes = "bytes", tag = "1")]
    pub(super) group: Bytes,
    #[prost(bytes = "bytes", repeated, tag = "2")]
    pub(super) keys: Vec<Bytes>,
}

#[derive(Clone, Copy, PartialEq, Message)]
struct Since {
    #[prost(fixed64, tag = "1")]
    log: u64,
    #[prost(uint64, tag = "2")]
    changes: u64,
}

#[derive(Clone, PartialEq, Message)]
struct ChangesResponse {
    #[prost(fixed64, tag = "1")]
    log: u64,
    #[prost(uint64, tag = "2")]
    changes: u64,
    #[prost(message, repeated, tag = "3")]
    logged: Vec<Logged>,
    #[prost(bool, tag = "4")]
    all: bool,
}

#[derive(Clone, PartialEq, Message)]
struct Logged {
    #[prost(fixed64, tag = "1")]
    id: u64,
    #[prost(bytes = "bytes", optional, tag = "2")]
    key: Option<Bytes>,
}

/// A message about as many of the keys as fit into `limit` bytes, at least one, and how many those
/// are.
pub(super) fn encode(group: &str, keys: &[&[u8]], limit: usize) -> (usize, Vec<u8>) {
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
pub(super) fn decode(message: Bytes) -> Result<Vec<Bytes>, Error> {
    let message = RemoveKeysRequest::decode(message).map_err(|error| {
        Error::status(400, format!("bad request: a RemoveKeysRequest: {error}"))
    })?;
    Ok(message.keys)
}

pub(super) fn encode_since(position: LogPosition) -> Vec<u8> {
    let LogPosition { log, changes } = position;
    Since { log, changes }.encode_to_vec()
}

pub(super) fn decode_since(message: &[u8]) -> Result<LogPosition, Error> {
    let Since { log, changes } = Since::decode(message)
        .map_err(|error| Error::status(400, format!("bad request: a ChangesRequest: {error}")))?;
    Ok(LogPosition { log, changes })
}

/// Changes beyond [`MAX_KEYS_BYTES`] are not listed; that any may have been says as much.
pub(super) fn encode_changes(told: &Changes) -> Vec<u8> {
    let logged = told.changes.iter().map(|change| Logged {
        id: change.id,
        key: change.key.clone(),
    });
    let mut response = ChangesResponse {
        log: told.position.log,
        changes: told.position.changes,
        logged: logged.collect(),
        all: told.all,
    };
    if response.encoded_len() > MAX_KEYS_BYTES {
        (response.logged, response.all) = (Vec::new(), true);
    }
    response.encode_to_vec()
}

/// The changes in a message, whose keys are slices of it. Kept short for the same reason as a
/// list of keys to remove.
pub(super) fn decode_changes(message: Bytes) -> Result<Changes, Error> {
    let (size, limit) = (message.len(), MAX_KEYS_BYTES);
    if size > limit {
        return Err(Error::too_large(
            "a peer's list of changes",
            size as u64,
            limit as u64,
        ));
    }
    let message = ChangesResponse::decode(message)
        .map_err(|error| Error::malformed(format!("a ChangesResponse: {error}")))?;
    let changes = message.logged.into_iter();
    Ok(Changes {
        position: LogPosition {
            log: message.log,
            changes: message.changes,
        },
        changes: changes
            .map(|Logged { id, key }| LoggedChange { id, key })
            .collect(),
        all: message.all,
    })
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
        fn changes_read_back(
            log: u64,
            changes: u64,
            logged: Vec<(u64, Option<Vec<u8>>)>,
            all: bool,
        ) {
            let position = LogPosition { log, changes };
            prop_assert_eq!(decode_since(&encode_since(position)).unwrap(), position);
            let logged = logged.into_iter();
            let changes = logged.map(|(id, key)| LoggedChange {
                id,
                key: key.map(Bytes::from),
            });
            let changes = changes.collect();
            let changes = Changes { position, changes, all };
            prop_assert_eq!(decode_changes(encode_changes(&changes).into()).unwrap(), changes);
        }

        #[test]
        fn no_bytes_of_a_changes_message_panic(bytes: Vec<u8>) {
            _ = decode_since(&bytes);
            if let Ok(changes) = decode_changes(bytes.clone().into()) {
                prop_assert!(changes.changes.len() <= bytes.len() / 2);
            }
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
    fn more_changes_than_a_message_holds_may_be_any() {
        let changes = Changes {
            position: LogPosition { log: 1, changes: 3 },
            changes: vec![
                LoggedChange {
                    id: 1,
                    key: Some(vec![b'k'; MAX_KEYS_BYTES / 2].into()),
                };
                3
            ],
            all: false,
        };
        let told = decode_changes(encode_changes(&changes).into()).unwrap();
        assert_eq!((told.position, told.all), (changes.position, true));
        assert_eq!(told.changes, []);
        let endless = decode_changes(vec![0; MAX_KEYS_BYTES + 1].into()).unwrap_err();
        assert!(endless.is_too_large(), "{endless}");
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
