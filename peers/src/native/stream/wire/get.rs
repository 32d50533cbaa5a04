//! The message of a get:
//!
//! | field | type | |
//! |---|---|---|
//! | mode | u8 | 0 load, 1 peek, 2 warm up |
//! | group | u16, bytes | length and UTF-8 text |
//! | key | bytes | the rest |

use bytes::BufMut;

use super::{kind, name_bytes, name_len};
use crate::stream::Message;
use crate::stream::fields::Fields;
use crate::{Error, GetMode, GetRequest};

/// A get, to be written.
pub(crate) struct Get<'a>(pub(crate) GetRequest<'a>);

const MODES: [GetMode; 3] = [GetMode::Load, GetMode::Peek, GetMode::WarmUp];

impl Message for Get<'_> {
    fn kind(&self) -> u8 {
        kind::GET
    }

    fn fields_len(&self) -> usize {
        1 + 2 + name_bytes(self.0.group).len() + self.0.key.len()
    }

    fn write_fields(&self, buffer: &mut impl BufMut) {
        let GetRequest { group, key, mode } = self.0;
        let mode = MODES.iter().position(|known| *known == mode);
        buffer.put_u8(mode.unwrap_or_default() as u8);
        buffer.put_u16_le(name_len(group));
        buffer.put_slice(name_bytes(group));
        buffer.put_slice(key);
    }
}

pub(crate) fn read(message: &[u8]) -> Result<GetRequest<'_>, Error> {
    let mut fields = Fields::of("a get", message);
    let mode = MODES
        .get(usize::from(fields.u8()?))
        .copied()
        .ok_or_else(|| fields.wrong("has an unknown mode"))?;
    let length = fields.u16()?.into();
    let group = fields.text(length)?;
    let key = fields.rest();
    Ok(GetRequest { group, key, mode })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::bytes_of;
    use super::*;

    #[test]
    fn the_bytes_are_the_documented_ones() {
        let request = GetRequest {
            group: "gr",
            key: b"key",
            mode: GetMode::Peek,
        };
        assert_eq!(bytes_of(&Get(request)), b"\x01\x02\0grkey");
    }

    proptest! {
        #[test]
        fn a_get_reads_back(group: String, key: Vec<u8>, mode in 0_usize..3) {
            let sent = GetRequest { group: &group, key: &key, mode: MODES[mode] };
            let bytes = bytes_of(&Get(sent));
            let came = read(&bytes).unwrap();
            prop_assert_eq!((came.group, came.key, came.mode), (sent.group, sent.key, sent.mode));
        }

        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            _ = read(&bytes);
        }
    }
}
