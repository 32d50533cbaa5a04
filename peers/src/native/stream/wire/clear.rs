//! The message of a clear:
//!
//! | field | type | |
//! |---|---|---|
//! | stamp | 1 or 33 bytes | see `stamp` |
//! | group | bytes | UTF-8 text, the rest |

use bytes::BufMut;

use super::{kind, stamp};
use crate::stream::Message;
use crate::stream::fields::Fields;
use crate::{Error, Stamp};

/// A clear, to be written or as it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Clear<'a> {
    pub(crate) group: &'a str,
    pub(crate) stamp: Option<Stamp>,
}

impl Message for Clear<'_> {
    fn kind(&self) -> u8 {
        kind::CLEAR
    }

    fn fields_len(&self) -> usize {
        stamp::length(self.stamp) + self.group.len()
    }

    fn write_fields(&self, buffer: &mut impl BufMut) {
        stamp::write(self.stamp, buffer);
        buffer.put_slice(self.group.as_bytes());
    }
}

pub(crate) fn read(message: &[u8]) -> Result<Clear<'_>, Error> {
    let mut fields = Fields::of("a clear", message);
    let stamp = stamp::read(&mut fields)?;
    let length = message.len() - stamp::length(stamp);
    let group = fields.text(length)?;
    Ok(Clear { group, stamp })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::bytes_of;
    use super::stamp::tests::{BYTES, STAMP, any_stamp};
    use super::*;

    #[test]
    fn the_bytes_are_the_documented_ones() {
        let clear = Clear {
            group: "gr",
            stamp: Some(STAMP),
        };
        assert_eq!(bytes_of(&clear), [BYTES, b"gr"].concat());
        let clear = Clear {
            stamp: None,
            ..clear
        };
        assert_eq!(bytes_of(&clear), b"\0gr");
    }

    proptest! {
        #[test]
        fn a_clear_reads_back(group: String, stamp in any_stamp()) {
            let sent = Clear { group: &group, stamp };
            let bytes = bytes_of(&sent);
            prop_assert_eq!(read(&bytes).unwrap(), sent);
        }

        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            _ = read(&bytes);
        }
    }
}
