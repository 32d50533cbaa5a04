//! The message of a clear:
//!
//! | field | type | |
//! |---|---|---|
//! | phase | 9 bytes | see `phase` |
//! | group | bytes | UTF-8 text, the rest |

use bytes::BufMut;

use super::{kind, phase};
use crate::stream::Message;
use crate::stream::fields::Fields;
use crate::{Error, Phase};

/// A clear, to be written or as it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Clear<'a> {
    pub(crate) group: &'a str,
    pub(crate) phase: Phase,
}

impl Message for Clear<'_> {
    fn kind(&self) -> u8 {
        kind::CLEAR
    }

    fn fields_len(&self) -> usize {
        phase::LENGTH + self.group.len()
    }

    fn write_fields(&self, buffer: &mut impl BufMut) {
        phase::write(self.phase, buffer);
        buffer.put_slice(self.group.as_bytes());
    }
}

pub(crate) fn read(message: &[u8]) -> Result<Clear<'_>, Error> {
    let mut fields = Fields::of("a clear", message);
    let phase = phase::read(&mut fields)?;
    let length = message.len() - phase::LENGTH;
    let group = fields.text(length)?;
    Ok(Clear { group, phase })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::bytes_of;
    use super::*;

    #[test]
    fn the_bytes_are_the_documented_ones() {
        let clear = Clear {
            group: "gr",
            phase: Phase::Last(0x0102),
        };
        assert_eq!(bytes_of(&clear), b"\x02\x02\x01\0\0\0\0\0\0gr");
    }

    proptest! {
        #[test]
        fn a_clear_reads_back(group: String, id: u64) {
            let sent = Clear { group: &group, phase: Phase::First(id) };
            let bytes = bytes_of(&sent);
            prop_assert_eq!(read(&bytes).unwrap(), sent);
        }

        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            _ = read(&bytes);
        }
    }
}
