//! The answer with changes:
//!
//! | field | type | |
//! |---|---|---|
//! | log, changes | u64, u64 | the log and its end |
//! | all | u8 | 1 if any key that the peer owns may have changed, otherwise 0 |
//! | entries | each | to the end of the message |
//!
//! and each entry:
//!
//! | field | type | |
//! |---|---|---|
//! | id | u64 | the change's id; 0 for none |
//! | what | u8 | 1 one key, 0 all keys of the group |
//! | key | u32, bytes | only where `what` is 1 |

use bytes::{BufMut, Bytes};

use crate::http::MAX_KEYS_BYTES;
use crate::stream::fields::Fields;
use crate::{Changes, Error, LogPosition, LoggedChange};

fn entry_len(entry: &LoggedChange) -> usize {
    9 + entry.key.as_ref().map_or(0, |key| 4 + key.len())
}

fn entries_len(changes: &Changes) -> usize {
    changes.entries.iter().map(entry_len).sum()
}

/// The entries that are told: none if there are too many for a message. Any key may have changed then.
fn told(changes: &Changes) -> (&[LoggedChange], bool) {
    match entries_len(changes) {
        ..=MAX_KEYS_BYTES => (&changes.entries, changes.all),
        _ => (&[], true),
    }
}

pub(super) fn fields_len(changes: &Changes) -> usize {
    let (entries, _) = told(changes);
    17 + entries.iter().map(entry_len).sum::<usize>()
}

pub(super) fn write_fields(changes: &Changes, buffer: &mut impl BufMut) {
    let (entries, all) = told(changes);
    buffer.put_u64_le(changes.position.log);
    buffer.put_u64_le(changes.position.count);
    buffer.put_u8(all.into());
    for LoggedChange { id, key } in entries {
        buffer.put_u64_le(*id);
        buffer.put_u8(key.is_some().into());
        if let Some(key) = key {
            buffer.put_u32_le(key.len() as u32);
            buffer.put_slice(key);
        }
    }
}

/// Reads changes, whose keys are slices of the message.
pub(crate) fn read(message: Bytes) -> Result<Changes, Error> {
    let (size, limit) = (message.len() as u64, 2 * MAX_KEYS_BYTES as u64);
    if size > limit {
        return Err(Error::too_large("a peer's list of changes", size, limit));
    }
    let mut fields = Fields::of("a list of changes", message);
    let (log, count) = (fields.u64()?, fields.u64()?);
    let all = flag(&mut fields)?;
    let mut entries = Vec::new();
    while !fields.is_empty() {
        let id = fields.u64()?;
        let key = match flag(&mut fields)? {
            true => {
                let length = fields.u32()? as usize;
                Some(fields.bytes(length)?)
            }
            false => None,
        };
        entries.push(LoggedChange { id, key });
    }
    Ok(Changes {
        position: LogPosition { log, count },
        entries,
        all,
    })
}

fn flag(fields: &mut Fields<Bytes>) -> Result<bool, Error> {
    match fields.u8()? {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(fields.wrong("has a flag that is neither 0 nor 1")),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::answer::Answer;
    use super::super::bytes_of;
    use super::*;

    fn sent(changes: &Changes) -> Bytes {
        bytes_of(&Answer::Changes(changes.clone())).into()
    }

    #[test]
    fn the_bytes_are_the_documented_ones() {
        let changes = Changes {
            position: LogPosition { log: 1, count: 2 },
            entries: vec![
                LoggedChange { id: 3, key: None },
                LoggedChange {
                    id: 4,
                    key: Some(b"k".as_slice().into()),
                },
            ],
            all: false,
        };
        let golden = b"\x01\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\0\0\
            \x03\0\0\0\0\0\0\0\0\x04\0\0\0\0\0\0\0\x01\x01\0\0\0k";
        assert_eq!(*sent(&changes), *golden);
    }

    #[test]
    fn more_changes_than_a_message_holds_may_be_any() {
        let key = Some(Bytes::from(vec![b'k'; MAX_KEYS_BYTES / 2]));
        let changes = Changes {
            position: LogPosition { log: 1, count: 3 },
            entries: vec![LoggedChange { id: 1, key }; 3],
            all: false,
        };
        let told = read(sent(&changes)).unwrap();
        assert_eq!((told.position, told.all), (changes.position, true));
        assert_eq!(told.entries, []);
        let endless = read(vec![0; 2 * MAX_KEYS_BYTES + 1].into()).unwrap_err();
        assert!(endless.is_too_large(), "{endless}");
    }

    proptest! {
        #[test]
        fn changes_read_back(
            log: u64,
            count: u64,
            entries: Vec<(u64, Option<Vec<u8>>)>,
            all: bool,
        ) {
            let entries = entries.into_iter();
            let entries = entries.map(|(id, key)| LoggedChange { id, key: key.map(Bytes::from) });
            let position = LogPosition { log, count };
            let changes = Changes { position, entries: entries.collect(), all };
            prop_assert_eq!(read(sent(&changes)).unwrap(), changes);
        }

        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            if let Ok(changes) = read(bytes.clone().into()) {
                prop_assert!(9 * changes.entries.len() <= bytes.len());
            }
        }
    }
}
