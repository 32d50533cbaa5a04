//! The message of a set:
//!
//! | field | type | |
//! |---|---|---|
//! | stamp | 1 or 33 bytes | see `stamp` |
//! | known | | see `known` |
//! | expires | u8, i64 | 1 and ns since 1970; 0 and 0 where the owner's group decides |
//! | group | u16, bytes | length and UTF-8 text |
//! | key | u32, bytes | |
//! | value | bytes | the rest |

use bytes::{BufMut, Bytes};
use byteview::ByteView;

use super::{kind, known, name_bytes, name_len, stamp};
use crate::protobuf::time::{nanos_since_1970, time_from_nanos};
use crate::stream::Message;
use crate::stream::fields::Fields;
use crate::{Error, KnownChange, SetRequest};

/// A set, to be written.
pub(crate) struct Set<'a>(pub(crate) SetRequest<'a>);

/// A set, as it was read. Key and value are slices of the message.
#[derive(Debug)]
pub(crate) struct Received {
    group: Bytes,
    key: Bytes,
    known: Vec<KnownChange>,
    rest: SetRequest<'static>,
}

impl Message for Set<'_> {
    fn kind(&self) -> u8 {
        kind::SET
    }

    fn fields_len(&self) -> usize {
        stamp::length(self.0.stamp)
            + known::length(self.0.known)
            + 9
            + 2
            + name_bytes(self.0.group).len()
            + 4
            + self.0.key.len()
    }

    fn write_fields(&self, buffer: &mut impl BufMut) {
        let SetRequest { group, key, .. } = self.0;
        stamp::write(self.0.stamp, buffer);
        known::write(self.0.known, buffer);
        let expires = self.0.expires_at.map(nanos_since_1970);
        buffer.put_u8(expires.is_some().into());
        buffer.put_i64_le(expires.unwrap_or_default());
        buffer.put_u16_le(name_len(group));
        buffer.put_slice(name_bytes(group));
        buffer.put_u32_le(key.len() as u32);
        buffer.put_slice(key);
    }

    fn body(&self) -> Option<&ByteView> {
        Some(&self.0.value)
    }
}

pub(crate) fn read(message: Bytes) -> Result<Received, Error> {
    let mut fields = Fields::of("a set", message);
    let stamp = stamp::read(&mut fields)?;
    let known = known::read(&mut fields)?;
    let (expires, nanos) = (fields.u8()?, fields.u64()?.cast_signed());
    let expires_at = match expires {
        0 => None,
        1 => time_from_nanos(nanos),
        _ => return Err(fields.wrong("expires in an unknown way")),
    };
    let length = fields.u16()?.into();
    let group = fields.bytes(length)?;
    if str::from_utf8(&group).is_err() {
        return Err(fields.wrong("has text that is not UTF-8"));
    }
    let length = fields.u32()? as usize;
    let key = fields.bytes(length)?;
    let value = ByteView::from(fields.rest());
    let rest = SetRequest {
        group: "",
        key: b"",
        value,
        expires_at,
        stamp,
        known: &[],
    };
    Ok(Received {
        group,
        key,
        known,
        rest,
    })
}

impl Received {
    pub(crate) fn as_request(&self) -> SetRequest<'_> {
        SetRequest {
            group: str::from_utf8(&self.group).unwrap_or_default(),
            key: &self.key,
            known: &self.known,
            ..self.rest.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::bytes_of;
    use super::known::tests::{BYTES as KNOWN_BYTES, KNOWN, any_known};
    use super::stamp::tests::{BYTES as STAMP_BYTES, STAMP, any_stamp};
    use super::*;

    #[test]
    fn the_bytes_are_the_documented_ones() {
        let request = SetRequest {
            group: "g",
            key: b"key",
            value: "value".into(),
            expires_at: time_from_nanos(0x0102),
            stamp: Some(STAMP),
            known: &KNOWN,
        };
        let rest = b"\x01\x02\x01\0\0\0\0\0\0\x01\0g\x03\0\0\0keyvalue";
        let golden = [STAMP_BYTES, KNOWN_BYTES, rest].concat();
        assert_eq!(bytes_of(&Set(request.clone())), golden);
        let request = SetRequest {
            stamp: None,
            known: &[],
            ..request
        };
        assert_eq!(bytes_of(&Set(request)), [b"\0\0\0", &rest[..]].concat());
    }

    proptest! {
        #[test]
        fn a_set_reads_back(
            group: String,
            key: Vec<u8>,
            value: Vec<u8>,
            nanos: Option<i64>,
            stamp in any_stamp(),
            known in any_known(),
        ) {
            let sent = SetRequest {
                group: &group,
                key: &key,
                value: value.into(),
                expires_at: nanos.and_then(time_from_nanos),
                stamp,
                known: &known,
            };
            let received = read(bytes_of(&Set(sent.clone())).into()).unwrap();
            let came = received.as_request();
            prop_assert_eq!((came.group, came.key), (sent.group, sent.key));
            prop_assert_eq!((came.value, came.expires_at), (sent.value, sent.expires_at));
            prop_assert_eq!((came.stamp, came.known), (sent.stamp, sent.known));
        }

        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            _ = read(bytes.into());
        }
    }
}
