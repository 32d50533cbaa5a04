//! The stamp of a change, within other messages:
//!
//! | field | type | |
//! |---|---|---|
//! | named | u8 | 1 if the next three follow, otherwise 0 |
//! | origin | u64 | who has begun the change |
//! | number | u64 | the number that the origin has given it |
//! | members | u64 | the hash of the members that the sender tells |

use bytes::{Buf, BufMut};

use crate::stream::fields::Fields;
use crate::{ChangeId, Error, Stamp};

/// How long the stamp is.
pub(super) fn length(stamp: Option<Stamp>) -> usize {
    if stamp.is_some() { 1 + 3 * 8 } else { 1 }
}

pub(super) fn write(stamp: Option<Stamp>, buffer: &mut impl BufMut) {
    buffer.put_u8(stamp.is_some().into());
    if let Some(Stamp { id, members }) = stamp {
        for number in [id.origin, id.number, members] {
            buffer.put_u64_le(number);
        }
    }
}

pub(super) fn read(fields: &mut Fields<impl Buf>) -> Result<Option<Stamp>, Error> {
    if !fields.flag()? {
        return Ok(None);
    }
    let id = ChangeId {
        origin: fields.u64()?,
        number: fields.u64()?,
    };
    let members = fields.u64()?;
    Ok(Some(Stamp { id, members }))
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Any stamp, or none.
    pub(in super::super) fn any_stamp() -> impl Strategy<Value = Option<Stamp>> {
        any::<Option<(u64, u64, u64)>>().prop_map(|numbers| {
            numbers.map(|(origin, number, members)| {
                let id = ChangeId { origin, number };
                Stamp { id, members }
            })
        })
    }

    /// A stamp with these bytes.
    pub(in super::super) const STAMP: Stamp = Stamp {
        id: ChangeId {
            origin: 1,
            number: 0x0203,
        },
        members: 4,
    };
    pub(in super::super) const BYTES: &[u8] =
        b"\x01\x01\0\0\0\0\0\0\0\x03\x02\0\0\0\0\0\0\x04\0\0\0\0\0\0\0";

    fn written(stamp: Option<Stamp>) -> Vec<u8> {
        let mut bytes = Vec::new();
        write(stamp, &mut bytes);
        assert_eq!(bytes.len(), length(stamp));
        bytes
    }

    #[test]
    fn the_bytes_are_the_documented_ones() {
        assert_eq!(written(None), b"\0");
        assert_eq!(written(Some(STAMP)), BYTES);
    }

    #[test]
    fn a_flag_that_is_neither_0_nor_1_is_refused() {
        let error = read(&mut Fields::of("a clear", &b"\x02"[..])).unwrap_err();
        assert!(error.is_malformed(), "{error}");
    }

    proptest! {
        #[test]
        fn a_stamp_reads_back(stamp in any_stamp()) {
            let bytes = written(stamp);
            let mut fields = Fields::of("a stamp", &*bytes);
            prop_assert_eq!(read(&mut fields).unwrap(), stamp);
            prop_assert!(fields.is_empty());
        }
    }
}
