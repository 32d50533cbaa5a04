//! The message of a get:
//!
//! | field | type | |
//! |---|---|---|
//! | mode | u8 | 0 load, 1 peek, 2 warm up; and 128 if known changes follow |
//! | known | | only with 128: see `known` |
//! | group | u16, bytes | length and UTF-8 text |
//! | key | bytes | the rest |

use bytes::BufMut;

use super::{kind, known, name_bytes, name_len};
use crate::stream::Message;
use crate::stream::fields::Fields;
use crate::{Error, GetMode, GetRequest, KnownChange};

/// A get, to be written.
pub(crate) struct Get<'a>(pub(crate) GetRequest<'a>);

/// A get, as it was read. Nothing is copied but known changes, which are rare.
#[derive(Debug)]
pub(crate) struct Received<'a> {
    group: &'a str,
    key: &'a [u8],
    mode: GetMode,
    known: Vec<KnownChange>,
}

const MODES: [GetMode; 3] = [GetMode::Load, GetMode::Peek, GetMode::WarmUp];

/// The bit of the mode that says that known changes follow.
const KNOWN: u8 = 0x80;

impl Message for Get<'_> {
    fn kind(&self) -> u8 {
        kind::GET
    }

    fn fields_len(&self) -> usize {
        let known = match self.0.known {
            [] => 0,
            known => known::length(known),
        };
        1 + known + 2 + name_bytes(self.0.group).len() + self.0.key.len()
    }

    fn write_fields(&self, buffer: &mut impl BufMut) {
        let GetRequest {
            group,
            key,
            mode,
            known,
        } = self.0;
        let mode = MODES.iter().position(|known| *known == mode);
        let mode = mode.unwrap_or_default() as u8;
        if known.is_empty() {
            buffer.put_u8(mode);
        } else {
            buffer.put_u8(mode | KNOWN);
            known::write(known, buffer);
        }
        buffer.put_u16_le(name_len(group));
        buffer.put_slice(name_bytes(group));
        buffer.put_slice(key);
    }
}

pub(crate) fn read(message: &[u8]) -> Result<Received<'_>, Error> {
    let mut fields = Fields::of("a get", message);
    let flags = fields.u8()?;
    let mode = MODES
        .get(usize::from(flags & !KNOWN))
        .copied()
        .ok_or_else(|| fields.wrong("has an unknown mode"))?;
    let known = if flags & KNOWN == 0 {
        Vec::new()
    } else {
        known::read(&mut fields)?
    };
    let length = fields.u16()?.into();
    let group = fields.text(length)?;
    let key = fields.rest();
    Ok(Received {
        group,
        key,
        mode,
        known,
    })
}

impl Received<'_> {
    pub(crate) fn as_request(&self) -> GetRequest<'_> {
        GetRequest {
            group: self.group,
            key: self.key,
            mode: self.mode,
            known: &self.known,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::bytes_of;
    use super::known::tests::{BYTES, KNOWN, any_known};
    use super::*;

    #[test]
    fn the_bytes_are_the_documented_ones() {
        let request = GetRequest {
            group: "gr",
            key: b"key",
            mode: GetMode::Peek,
            known: &[],
        };
        assert_eq!(bytes_of(&Get(request)), b"\x01\x02\0grkey");
        let request = GetRequest {
            known: &KNOWN,
            ..request
        };
        let golden = [&b"\x81"[..], BYTES, b"\x02\0grkey"].concat();
        assert_eq!(bytes_of(&Get(request)), golden);
    }

    #[test]
    fn an_unknown_mode_is_refused_with_and_without_known_changes() {
        for message in [&b"\x03\0\0"[..], b"\x83\0\0\0\0", b"\xff\0\0\0\0"] {
            assert!(read(message).unwrap_err().is_malformed());
        }
    }

    proptest! {
        #[test]
        fn a_get_reads_back(group: String, key: Vec<u8>, mode in 0_usize..3, known in any_known()) {
            let sent = GetRequest { group: &group, key: &key, mode: MODES[mode], known: &known };
            let bytes = bytes_of(&Get(sent));
            let received = read(&bytes).unwrap();
            let came = received.as_request();
            prop_assert_eq!((came.group, came.key, came.mode), (sent.group, sent.key, sent.mode));
            prop_assert_eq!(came.known, sent.known);
        }

        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            _ = read(&bytes);
        }
    }
}
