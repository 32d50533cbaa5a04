//! The message of a removal:
//!
//! | field | type | |
//! |---|---|---|
//! | stamp | 1 or 33 bytes | that of the first key, see `stamp`; the others have the numbers that follow |
//! | group | u16, bytes | length and UTF-8 text |
//! | keys | u32, bytes, each | to the end of the message |

use bytes::BufMut;

use super::{kind, name_bytes, name_len, stamp};
use crate::stream::Message;
use crate::stream::fields::Fields;
use crate::{Error, RemoveRequest, Stamp};

/// A removal, to be written.
pub(crate) struct Remove<'a>(pub(crate) RemoveRequest<'a>);

/// A removal, as it was read.
#[derive(Debug)]
pub(crate) struct Received<'a> {
    group: &'a str,
    keys: Vec<&'a [u8]>,
    stamp: Option<Stamp>,
}

/// What a key takes in the message, and its length.
fn key_len(key: &[u8]) -> usize {
    4 + key.len()
}

/// How many of the keys, at least one, a message of about `limit` bytes takes.
pub(crate) fn batch(keys: &[&[u8]], limit: usize) -> usize {
    let mut length = 0;
    let fits = |key: &&&[u8]| {
        length += key_len(key);
        length <= limit
    };
    keys.iter().take_while(fits).count().max(1).min(keys.len())
}

impl Message for Remove<'_> {
    fn kind(&self) -> u8 {
        kind::REMOVE
    }

    fn fields_len(&self) -> usize {
        let keys: usize = self.0.keys.iter().map(|key| key_len(key)).sum();
        stamp::length(self.0.stamp) + 2 + name_bytes(self.0.group).len() + keys
    }

    fn write_fields(&self, buffer: &mut impl BufMut) {
        stamp::write(self.0.stamp, buffer);
        buffer.put_u16_le(name_len(self.0.group));
        buffer.put_slice(name_bytes(self.0.group));
        for key in self.0.keys {
            buffer.put_u32_le(key.len() as u32);
            buffer.put_slice(key);
        }
    }
}

/// Reads a removal. Its memory is at most five times the message's.
pub(crate) fn read(message: &[u8]) -> Result<Received<'_>, Error> {
    let mut fields = Fields::of("a removal", message);
    let stamp = stamp::read(&mut fields)?;
    let length = fields.u16()?.into();
    let group = fields.text(length)?;
    let mut keys = Vec::new();
    while !fields.is_empty() {
        let length = fields.u32()? as usize;
        keys.push(fields.bytes(length)?);
    }
    Ok(Received { group, keys, stamp })
}

impl Received<'_> {
    pub(crate) fn as_request(&self) -> RemoveRequest<'_> {
        RemoveRequest {
            group: self.group,
            keys: &self.keys,
            stamp: self.stamp,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::bytes_of;
    use super::stamp::tests::{BYTES, STAMP, any_stamp};
    use super::*;

    #[test]
    fn the_bytes_are_the_documented_ones() {
        let request = RemoveRequest {
            group: "g",
            keys: &[b"a", b"", b"bc"],
            stamp: Some(STAMP),
        };
        let rest = b"\x01\0g\x01\0\0\0a\0\0\0\0\x02\0\0\0bc";
        assert_eq!(bytes_of(&Remove(request)), [BYTES, rest].concat());
        let request = RemoveRequest {
            stamp: None,
            ..request
        };
        assert_eq!(bytes_of(&Remove(request)), [b"\0", &rest[..]].concat());
    }

    proptest! {
        #[test]
        fn a_removal_reads_back(group: String, keys: Vec<Vec<u8>>, stamp in any_stamp()) {
            let keys: Vec<&[u8]> = keys.iter().map(Vec::as_slice).collect();
            let sent = RemoveRequest { group: &group, keys: &keys, stamp };
            let bytes = bytes_of(&Remove(sent));
            let received = read(&bytes).unwrap();
            let came = received.as_request();
            prop_assert_eq!((came.group, came.keys, came.stamp), (sent.group, sent.keys, sent.stamp));
        }

        #[test]
        fn batches_take_every_key_and_keep_the_limit(keys: Vec<Vec<u8>>, limit in 0_usize..300) {
            let keys: Vec<&[u8]> = keys.iter().map(Vec::as_slice).collect();
            let mut rest = &*keys;
            while !rest.is_empty() {
                let taken = batch(rest, limit);
                let length: usize = rest[..taken].iter().map(|key| key_len(key)).sum();
                prop_assert!(length <= limit || taken == 1);
                rest = &rest[taken..];
            }
        }

        #[test]
        fn no_bytes_panic_or_become_more_keys_than_they_hold(bytes: Vec<u8>) {
            if let Ok(received) = read(&bytes) {
                prop_assert!(4 * received.keys.len() <= bytes.len());
            }
        }
    }
}
