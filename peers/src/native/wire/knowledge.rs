//! What a node knows of changes, in a request and in its answer. All numbers are little-endian.
//!
//! | field | type | |
//! |---|---|---|
//! | member | u16, bytes | length and UTF-8 text: the sender's id |
//! | origin | u64 | names the start of the sender |
//! | begun | u64 | the number of the last change that the sender has begun |
//! | is leaving | u8 | 1 if the sender leaves the cluster, otherwise 0 |
//! | complete for | u64 | the origin of the receiver, if everything is told that it lacks; otherwise 0 |
//! | made | u32, each | count, and the changes that the sender has made, by their origins |
//! | changes | u32, each | count, and changes that the receiver lacks |
//! | unnamed | u32, each | count, and changes that the receiver lacks too, by their groups |
//!
//! The changes of an origin:
//!
//! | field | type | |
//! |---|---|---|
//! | origin | u64 | |
//! | ranges | u32, each | count, and the numbers in rising order: u64, u64 each, the first and the last one of a range |
//!
//! There are other numbers between two ranges, or they would be one. A change:
//!
//! | field | type | |
//! |---|---|---|
//! | origin | u64 | |
//! | number | u64 | |
//! | group | u16, bytes | length and UTF-8 text |
//! | what | u8 | 1 one key, 0 all keys of the group |
//! | key | u32, bytes | only where `what` is 1 |
//!
//! The changes of a group that the sender cannot name any more:
//!
//! | field | type | |
//! |---|---|---|
//! | group | u16, bytes | length and UTF-8 text |
//! | up to | u32, each | count, and the last one of each origin: u64, u64, origin and number |

use std::ops::RangeInclusive;

use bytes::{BufMut as _, Bytes};

use super::text;
use crate::http::MAX_LIST_BYTES;
use crate::stream::fields::Fields;
use crate::{ChangeId, Error, Knowledge, NamedChange, UnnamedChanges};

/// The longest message.
pub(crate) const MAX_BYTES: usize = MAX_LIST_BYTES;

/// The numbers of changes, in rising order.
type Ranges = Vec<RangeInclusive<u64>>;

/// How long a message is that tells nothing.
const EMPTY: usize = 2 + 3 * 8 + 1 + 3 * 4;
/// How long an origin without ranges is.
const ORIGIN: usize = 8 + 4;
/// How long a range is.
const RANGE: usize = 16;
/// How long a change's id is.
const ID: usize = 16;
/// How long a change of all keys of a group without a name is.
const CHANGE: usize = ID + 2 + 1;
/// How long the unnamed changes of such a group are, without their origins.
const UNNAMED: usize = 2 + 4;

/// The message; [`Error::is_too_large`] if it is longer than a peer would read.
pub(in crate::native) fn encode(knowledge: &Knowledge) -> Result<Bytes, Error> {
    let length = length(knowledge);
    if length > MAX_BYTES {
        return Err(too_long(length));
    }
    let mut message = Vec::with_capacity(length);
    text::encode("a member's id", &knowledge.member, &mut message)?;
    message.put_u64_le(knowledge.origin);
    message.put_u64_le(knowledge.begun);
    message.put_u8(knowledge.is_leaving.into());
    message.put_u64_le(knowledge.complete_for);
    message.put_u32_le(knowledge.made.len() as u32);
    for (origin, ranges) in &knowledge.made {
        message.put_u64_le(*origin);
        message.put_u32_le(ranges.len() as u32);
        for range in ranges {
            message.put_u64_le(*range.start());
            message.put_u64_le(*range.end());
        }
    }
    message.put_u32_le(knowledge.changes.len() as u32);
    for NamedChange { id, group, key } in &knowledge.changes {
        encode_id(*id, &mut message);
        text::encode("a group's name", group, &mut message)?;
        message.put_u8(key.is_some().into());
        if let Some(key) = key {
            message.put_u32_le(key.len() as u32);
            message.put_slice(key);
        }
    }
    message.put_u32_le(knowledge.unnamed.len() as u32);
    for UnnamedChanges { group, up_to } in &knowledge.unnamed {
        text::encode("a group's name", group, &mut message)?;
        message.put_u32_le(up_to.len() as u32);
        for id in up_to {
            encode_id(*id, &mut message);
        }
    }
    Ok(message.into())
}

fn encode_id(ChangeId { origin, number }: ChangeId, message: &mut Vec<u8>) {
    message.put_u64_le(origin);
    message.put_u64_le(number);
}

fn length(knowledge: &Knowledge) -> usize {
    let made = knowledge.made.iter();
    let made = made.map(|(_, ranges)| ORIGIN + RANGE * ranges.len());
    let changes = knowledge.changes.iter().map(|change| {
        let key = change.key.as_ref().map_or(0, |key| 4 + key.len());
        CHANGE + change.group.len() + key
    });
    let unnamed = knowledge.unnamed.iter();
    let unnamed = unnamed.map(|changes| UNNAMED + changes.group.len() + ID * changes.up_to.len());
    EMPTY
        + knowledge.member.len()
        + made.sum::<usize>()
        + changes.sum::<usize>()
        + unnamed.sum::<usize>()
}

/// The knowledge in a message. It takes at most a few times the memory of the message, and keeps nothing of that: some of it
/// is kept for long.
pub(in crate::native) fn decode(message: &[u8]) -> Result<Knowledge, Error> {
    if message.len() > MAX_BYTES {
        return Err(too_long(message.len()));
    }
    let mut fields = Fields::of("what a node knows of changes", message);
    let knowledge = Knowledge {
        member: text::decode(&mut fields)?.into(),
        origin: fields.u64()?,
        begun: fields.u64()?,
        is_leaving: fields.flag()?,
        complete_for: fields.u64()?,
        made: several(&mut fields, ORIGIN, origin)?,
        changes: several(&mut fields, CHANGE, change)?,
        unnamed: several(&mut fields, UNNAMED, unnamed)?,
    };
    fields.end()?;
    Ok(knowledge)
}

/// A count, and so many items of at least `least` bytes each.
fn several<T>(
    fields: &mut Fields<&[u8]>,
    least: usize,
    read: impl Fn(&mut Fields<&[u8]>) -> Result<T, Error>,
) -> Result<Vec<T>, Error> {
    let count = fields.u32()? as usize;
    let mut items = Vec::with_capacity(fields.holds(count, least)?);
    for _ in 0..count {
        items.push(read(fields)?);
    }
    Ok(items)
}

fn origin(fields: &mut Fields<&[u8]>) -> Result<(u64, Ranges), Error> {
    let origin = fields.u64()?;
    let ranges = several(fields, RANGE, |fields| Ok(fields.u64()?..=fields.u64()?))?;
    let follows = |pair: &[RangeInclusive<u64>]| {
        let next = pair[0].end().checked_add(1);
        next.is_some_and(|next| next < *pair[1].start())
    };
    if ranges.iter().any(RangeInclusive::is_empty) || !ranges.windows(2).all(follows) {
        return Err(fields.wrong("has ranges that are empty, touch or do not rise"));
    }
    Ok((origin, ranges))
}

fn change(fields: &mut Fields<&[u8]>) -> Result<NamedChange, Error> {
    let id = id(fields)?;
    let group = text::decode(fields)?.into();
    let key = if fields.flag()? {
        let length = fields.u32()? as usize;
        Some(Bytes::copy_from_slice(fields.bytes(length)?))
    } else {
        None
    };
    Ok(NamedChange { id, group, key })
}

fn unnamed(fields: &mut Fields<&[u8]>) -> Result<UnnamedChanges, Error> {
    let group = text::decode(fields)?.into();
    let up_to = several(fields, ID, id)?;
    Ok(UnnamedChanges { group, up_to })
}

fn id(fields: &mut Fields<&[u8]>) -> Result<ChangeId, Error> {
    Ok(ChangeId {
        origin: fields.u64()?,
        number: fields.u64()?,
    })
}

fn too_long(length: usize) -> Error {
    let (length, limit) = (length as u64, MAX_BYTES as u64);
    Error::too_large("what a node knows of changes", length, limit)
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    /// Ranges that rise, each by the gap before it and by its length.
    fn rising(steps: Vec<(u32, u32)>) -> Ranges {
        let mut next = 0_u64;
        let range = |(gap, length)| {
            let first = next + u64::from(gap);
            let last = first + u64::from(length);
            next = last + 2;
            first..=last
        };
        steps.into_iter().map(range).collect()
    }

    fn any_change() -> impl Strategy<Value = NamedChange> {
        let parts = any::<(u64, u64, String, Option<Vec<u8>>)>();
        parts.prop_map(|(origin, number, group, key)| NamedChange {
            id: ChangeId { origin, number },
            group: group.into(),
            key: key.map(Bytes::from),
        })
    }

    fn any_knowledge() -> impl Strategy<Value = Knowledge> {
        let ranges = vec(any::<(u32, u32)>(), 0..10).prop_map(rising);
        let made = vec((any::<u64>(), ranges), 0..10);
        let changes = vec(any_change(), 0..10);
        let unnamed = any::<(String, Vec<(u64, u64)>)>().prop_map(|(group, up_to)| {
            let up_to = up_to.into_iter();
            let up_to = up_to.map(|(origin, number)| ChangeId { origin, number });
            UnnamedChanges {
                group: group.into(),
                up_to: up_to.collect(),
            }
        });
        let parts = (
            any::<(String, u64, u64, bool, u64)>(),
            made,
            changes,
            vec(unnamed, 0..10),
        );
        parts.prop_map(
            |((member, origin, begun, is_leaving, complete_for), made, changes, unnamed)| {
                Knowledge {
                    member: member.into(),
                    origin,
                    made,
                    begun,
                    is_leaving,
                    complete_for,
                    changes,
                    unnamed,
                }
            },
        )
    }

    fn of_one_origin(ranges: Ranges) -> Knowledge {
        Knowledge {
            made: vec![(1, ranges)],
            ..Knowledge::default()
        }
    }

    #[test]
    fn the_bytes_are_the_documented_ones() {
        let change = |number, key: Option<&'static [u8]>| NamedChange {
            id: ChangeId { origin: 3, number },
            group: "gr".into(),
            key: key.map(Bytes::from_static),
        };
        let knowledge = Knowledge {
            member: "pod-1".into(),
            origin: 5,
            made: vec![(1, vec![1..=2, 4..=0x0506]), (2, vec![])],
            begun: 6,
            is_leaving: true,
            complete_for: 7,
            changes: vec![change(7, Some(b"key")), change(8, None)],
            unnamed: vec![UnnamedChanges {
                group: "other".into(),
                up_to: vec![ChangeId {
                    origin: 9,
                    number: 10,
                }],
            }],
        };
        let golden = [
            &b"\x05\0pod-1\x05\0\0\0\0\0\0\0"[..],
            b"\x06\0\0\0\0\0\0\0\x01\x07\0\0\0\0\0\0\0\x02\0\0\0",
            b"\x01\0\0\0\0\0\0\0\x02\0\0\0",
            b"\x01\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\0",
            b"\x04\0\0\0\0\0\0\0\x06\x05\0\0\0\0\0\0",
            b"\x02\0\0\0\0\0\0\0\0\0\0\0",
            b"\x02\0\0\0",
            b"\x03\0\0\0\0\0\0\0\x07\0\0\0\0\0\0\0\x02\0gr\x01\x03\0\0\0key",
            b"\x03\0\0\0\0\0\0\0\x08\0\0\0\0\0\0\0\x02\0gr\0",
            b"\x01\0\0\0\x05\0other\x01\0\0\0\x09\0\0\0\0\0\0\0\x0a\0\0\0\0\0\0\0",
        ]
        .concat();
        assert_eq!(encode(&knowledge).unwrap(), golden);
        let nothing = encode(&Knowledge::default()).unwrap();
        assert_eq!(*nothing, [0; EMPTY]);
    }

    #[test]
    fn ranges_that_are_empty_touch_or_do_not_rise_are_malformed() {
        #[allow(clippy::reversed_empty_ranges, reason = "it is what a peer may send")]
        let wrong = [
            vec![2..=1],
            vec![1..=2, 3..=4],
            vec![1..=3, 2..=4],
            vec![5..=6, 1..=2],
            vec![1..=u64::MAX, 0..=0],
            vec![1..=2, 4..=3],
        ];
        for ranges in wrong {
            let message = encode(&of_one_origin(ranges.clone())).unwrap();
            let error = decode(&message).unwrap_err();
            assert!(error.is_malformed(), "{ranges:?}: {error}");
        }
        let ranges = vec![0..=0, 2..=u64::MAX];
        let message = encode(&of_one_origin(ranges.clone())).unwrap();
        assert_eq!(decode(&message).unwrap().made, [(1, ranges)]);
    }

    #[test]
    fn counts_beyond_the_message_are_malformed_and_take_no_memory() {
        for lie in [
            &b"\0\xff\xff\xff\xff"[..],
            b"\0\x01\0\0\0\x01\0\0\0\0\0\0\0\xff\xff\xff\xff",
            b"\0\0\0\0\0\xff\xff\xff\xff",
            b"\0\0\0\0\0\0\0\0\0\xff\xff\xff\xff",
            b"\0\0\0\0\0\0\0\0\0\x01\0\0\0\0\0\xff\xff\xff\xff",
        ] {
            let message = [&[0; 26], lie, &[0; 100]].concat();
            assert!(decode(&message).unwrap_err().is_malformed());
        }
    }

    #[test]
    fn a_message_that_is_too_long_is_neither_sent_nor_read() {
        let mut knowledge = Knowledge {
            changes: vec![NamedChange {
                key: Some(vec![0; MAX_BYTES - EMPTY - CHANGE - 4].into()),
                ..NamedChange::default()
            }],
            ..Knowledge::default()
        };
        let longest = encode(&knowledge).unwrap();
        assert_eq!(longest.len(), MAX_BYTES);
        assert_eq!(decode(&longest).unwrap(), knowledge);
        knowledge.unnamed.push(UnnamedChanges::default());
        assert!(encode(&knowledge).unwrap_err().is_too_large());
        assert!(decode(&[0; MAX_BYTES + 1]).unwrap_err().is_too_large());
    }

    #[test]
    fn a_name_that_no_group_can_have_is_not_sent() {
        let knowledge = Knowledge {
            unnamed: vec![UnnamedChanges {
                group: "x".repeat(1 << 16).into(),
                up_to: vec![],
            }],
            ..Knowledge::default()
        };
        assert!(encode(&knowledge).unwrap_err().is_too_large());
    }

    proptest! {
        #[test]
        fn knowledge_reads_back(knowledge in any_knowledge()) {
            let message = encode(&knowledge).unwrap();
            prop_assert_eq!(message.len(), length(&knowledge));
            prop_assert_eq!(decode(&message).unwrap(), knowledge);
        }

        #[test]
        fn a_message_that_is_cut_or_goes_on_is_malformed(
            knowledge in any_knowledge(),
            cut in any::<prop::sample::Index>(),
        ) {
            let message = encode(&knowledge).unwrap();
            let shorter = &message[..cut.index(message.len())];
            prop_assert!(decode(shorter).unwrap_err().is_malformed());
            let longer = [&*message, b"\0"].concat();
            prop_assert!(decode(&longer).unwrap_err().is_malformed());
        }

        #[test]
        fn no_bytes_panic_or_become_more_than_they_hold(bytes: Vec<u8>) {
            if let Ok(knowledge) = decode(&bytes) {
                prop_assert!(length(&knowledge) == bytes.len());
            }
        }
    }
}
