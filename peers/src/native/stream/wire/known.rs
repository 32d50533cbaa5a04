//! The changes of a key that the sender knows, within other messages:
//!
//! | field | type | |
//! |---|---|---|
//! | count | u16 | at most 128 |
//! | changes | each | |
//!
//! and each change:
//!
//! | field | type | |
//! |---|---|---|
//! | origin | u64 | who has begun it |
//! | number | u64 | the number that the origin has given it |
//! | all | u8 | 1 if it is of all keys of the group, otherwise 0 |

use bytes::{Buf, BufMut};

use crate::native::wire::MAX_KNOWN;
use crate::stream::fields::Fields;
use crate::{ChangeId, Error, KnownChange};

/// How long a change is.
const CHANGE: usize = 17;

/// How long the list is.
pub(super) fn length(known: &[KnownChange]) -> usize {
    2 + CHANGE * told(known).len()
}

/// Writes the list. A client has refused one that is too long.
pub(super) fn write(known: &[KnownChange], buffer: &mut impl BufMut) {
    let known = told(known);
    buffer.put_u16_le(known.len() as u16);
    for change in known {
        buffer.put_u64_le(change.id.origin);
        buffer.put_u64_le(change.id.number);
        buffer.put_u8(change.all.into());
    }
}

fn told(known: &[KnownChange]) -> &[KnownChange] {
    &known[..known.len().min(MAX_KNOWN)]
}

/// Reads the list. Its memory is at most twice that of its bytes.
pub(super) fn read(fields: &mut Fields<impl Buf>) -> Result<Vec<KnownChange>, Error> {
    let count = fields.u16()?.into();
    if count > MAX_KNOWN {
        return Err(fields.wrong("has too many known changes"));
    }
    let mut known = Vec::with_capacity(fields.holds(count, CHANGE)?);
    for _ in 0..count {
        let id = ChangeId {
            origin: fields.u64()?,
            number: fields.u64()?,
        };
        let all = fields.flag()?;
        known.push(KnownChange { id, all });
    }
    Ok(known)
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    /// Any list that is not too long.
    pub(in super::super) fn any_known() -> impl Strategy<Value = Vec<KnownChange>> {
        let change = any::<(u64, u64, bool)>().prop_map(|(origin, number, all)| KnownChange {
            id: ChangeId { origin, number },
            all,
        });
        vec(change, 0..=MAX_KNOWN)
    }

    /// A list with these bytes.
    pub(in super::super) const KNOWN: [KnownChange; 2] = [
        KnownChange {
            id: ChangeId {
                origin: 6,
                number: 7,
            },
            all: false,
        },
        KnownChange {
            id: ChangeId {
                origin: 8,
                number: 9,
            },
            all: true,
        },
    ];
    pub(in super::super) const BYTES: &[u8] = b"\x02\0\
        \x06\0\0\0\0\0\0\0\x07\0\0\0\0\0\0\0\0\x08\0\0\0\0\0\0\0\x09\0\0\0\0\0\0\0\x01";

    fn written(known: &[KnownChange]) -> Vec<u8> {
        let mut bytes = Vec::new();
        write(known, &mut bytes);
        assert_eq!(bytes.len(), length(known));
        bytes
    }

    #[test]
    fn the_bytes_are_the_documented_ones() {
        assert_eq!(written(&KNOWN), BYTES);
        assert_eq!(written(&[]), b"\0\0");
    }

    #[test]
    fn more_changes_than_are_there_or_allowed_are_refused() {
        let long = [&b"\x81\0"[..], &[0; 200 * CHANGE]].concat();
        for bytes in [&b"\x02\0"[..], &BYTES[..BYTES.len() - 1], &long] {
            let error = read(&mut Fields::of("a set", bytes)).unwrap_err();
            assert!(error.is_malformed(), "{error}");
        }
    }

    proptest! {
        #[test]
        fn a_list_reads_back(known in any_known()) {
            let bytes = written(&known);
            let mut fields = Fields::of("a list", &*bytes);
            prop_assert_eq!(read(&mut fields).unwrap(), known);
            prop_assert!(fields.is_empty());
        }
    }
}
