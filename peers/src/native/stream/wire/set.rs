//! The message of a set:
//!
//! | field | type | |
//! |---|---|---|
//! | phase | 9 bytes | see `phase` |
//! | expires | u8, i64 | 1 and ns since 1970; 0 and 0 where the owner's group decides |
//! | group | u16, bytes | length and UTF-8 text |
//! | key | u32, bytes | |
//! | value | bytes | the rest |

use bytes::{BufMut, Bytes};
use byteview::ByteView;

use super::{kind, name_bytes, name_len, phase};
use crate::protobuf::time::{nanos_since_1970, time_from_nanos};
use crate::stream::Message;
use crate::stream::fields::Fields;
use crate::{Error, SetRequest};

/// A set, to be written.
pub(crate) struct Set<'a>(pub(crate) SetRequest<'a>);

/// A set, as it was read. Everything is a slice of the message.
#[derive(Debug)]
pub(crate) struct Received {
    group: Bytes,
    key: Bytes,
    rest: SetRequest<'static>,
}

impl Message for Set<'_> {
    fn kind(&self) -> u8 {
        kind::SET
    }

    fn fields_len(&self) -> usize {
        phase::LENGTH + 9 + 2 + name_bytes(self.0.group).len() + 4 + self.0.key.len()
    }

    fn write_fields(&self, buffer: &mut impl BufMut) {
        let SetRequest { group, key, .. } = self.0;
        phase::write(self.0.phase, buffer);
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
    let phase = phase::read(&mut fields)?;
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
        phase,
    };
    Ok(Received { group, key, rest })
}

impl Received {
    pub(crate) fn as_request(&self) -> SetRequest<'_> {
        SetRequest {
            group: str::from_utf8(&self.group).unwrap_or_default(),
            key: &self.key,
            ..self.rest.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::bytes_of;
    use super::*;
    use crate::Phase;

    #[test]
    fn the_bytes_are_the_documented_ones() {
        let request = SetRequest {
            group: "g",
            key: b"key",
            value: "value".into(),
            expires_at: time_from_nanos(0x0102),
            phase: Phase::Last(3),
        };
        let golden = b"\x02\x03\0\0\0\0\0\0\0\x01\x02\x01\0\0\0\0\0\0\x01\0g\x03\0\0\0keyvalue";
        assert_eq!(bytes_of(&Set(request)), golden);
    }

    proptest! {
        #[test]
        fn a_set_reads_back(group: String, key: Vec<u8>, value: Vec<u8>, nanos: Option<i64>, id: u64) {
            let sent = SetRequest {
                group: &group,
                key: &key,
                value: value.into(),
                expires_at: nanos.and_then(time_from_nanos),
                phase: Phase::First(id),
            };
            let received = read(bytes_of(&Set(sent.clone())).into()).unwrap();
            let came = received.as_request();
            prop_assert_eq!((came.group, came.key), (sent.group, sent.key));
            prop_assert_eq!((came.value, came.expires_at), (sent.value, sent.expires_at));
            prop_assert_eq!(came.phase, sent.phase);
        }

        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            _ = read(bytes.into());
        }
    }
}
