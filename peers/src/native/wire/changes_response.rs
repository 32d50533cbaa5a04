//! The message `ChangesResponse`:
//!
//! | field | type | |
//! |---|---|---|
//! | 1 log | fixed64 | the log |
//! | 2 changes | uint64 | its end |
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

use crate::http::MAX_KEYS_BYTES;
use crate::{Changes, Error, LogPosition, LoggedChange};

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

/// Changes beyond [`MAX_KEYS_BYTES`] are not listed: any key may have changed then.
pub(in crate::native) fn encode(sent: &Changes) -> Vec<u8> {
    let logged = sent.entries.iter().map(|change| Logged {
        id: change.id,
        key: change.key.clone(),
    });
    let mut response = ChangesResponse {
        log: sent.position.log,
        changes: sent.position.count,
        logged: logged.collect(),
        all: sent.all,
    };
    if response.encoded_len() > MAX_KEYS_BYTES {
        (response.logged, response.all) = (Vec::new(), true);
    }
    response.encode_to_vec()
}

/// The changes in a message, whose keys are slices of it. Kept short for the same reason as a
/// list of keys to remove.
pub(in crate::native) fn decode(message: Bytes) -> Result<Changes, Error> {
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
            count: message.changes,
        },
        entries: changes
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
        fn changes_read_back(
            log: u64,
            count: u64,
            logged: Vec<(u64, Option<Vec<u8>>)>,
            all: bool,
        ) {
            let position = LogPosition { log, count };
            let logged = logged.into_iter();
            let changes = logged.map(|(id, key)| LoggedChange {
                id,
                key: key.map(Bytes::from),
            });
            let entries = changes.collect();
            let changes = Changes { position, entries, all };
            prop_assert_eq!(decode(encode(&changes).into()).unwrap(), changes);
        }

        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            if let Ok(changes) = decode(bytes.clone().into()) {
                prop_assert!(changes.entries.len() <= bytes.len() / 2);
            }
        }
    }

    #[test]
    fn more_changes_than_a_message_holds_may_be_any() {
        let changes = Changes {
            position: LogPosition { log: 1, count: 3 },
            entries: vec![
                LoggedChange {
                    id: 1,
                    key: Some(vec![b'k'; MAX_KEYS_BYTES / 2].into()),
                };
                3
            ],
            all: false,
        };
        let told = decode(encode(&changes).into()).unwrap();
        assert_eq!((told.position, told.all), (changes.position, true));
        assert_eq!(told.entries, []);
        let endless = decode(vec![0; MAX_KEYS_BYTES + 1].into()).unwrap_err();
        assert!(endless.is_too_large(), "{endless}");
    }
}
