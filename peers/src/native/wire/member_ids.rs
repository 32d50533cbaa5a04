//! A list of the ids of members: a [`text`] each, at most 1,024, to the end of the message.

use bytes::Bytes;

use super::text;
use crate::Error;
use crate::stream::fields::Fields;

/// The most ids of one message.
pub(in crate::native) const MAX_IDS: usize = 1024;

/// The message about at most [`MAX_IDS`].
pub(in crate::native) fn encode(ids: &[&str]) -> Result<Bytes, Error> {
    let length = ids.iter().map(|id| 2 + id.len()).sum();
    let mut message = Vec::with_capacity(length);
    for id in ids {
        text::encode("a member's id", id, &mut message)?;
    }
    Ok(message.into())
}

/// The ids in a message, slices of it.
pub(in crate::native) fn decode(message: &[u8]) -> Result<Vec<&str>, Error> {
    let mut fields = Fields::of("a list of members", message);
    let mut ids = Vec::new();
    while !fields.is_empty() {
        if ids.len() == MAX_IDS {
            return Err(fields.wrong("has more than 1024 ids"));
        }
        ids.push(text::decode(&mut fields)?);
    }
    Ok(ids)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_bytes_are_the_documented_ones() {
        let message = encode(&["pod-1", "", "é"]).unwrap();
        assert_eq!(*message, *b"\x05\0pod-1\0\0\x02\0\xc3\xa9");
    }

    #[test]
    fn too_many_ids_and_one_that_breaks_off_are_malformed() {
        let most = encode(&vec![""; MAX_IDS]).unwrap();
        assert_eq!(decode(&most).unwrap().len(), MAX_IDS);
        let more = encode(&vec![""; MAX_IDS + 1]).unwrap();
        for message in [&*more, b"\x02\0a", b"\x01", b"\x01\0\xff"] {
            assert!(decode(message).unwrap_err().is_malformed());
        }
    }

    #[test]
    fn an_id_that_no_member_can_have_is_not_sent() {
        let error = encode(&[&"x".repeat(1 << 16)]).unwrap_err();
        assert!(error.is_too_large(), "{error}");
    }

    proptest! {
        #[test]
        fn ids_read_back(ids: Vec<String>) {
            let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
            let message = encode(&ids).unwrap();
            prop_assert_eq!(decode(&message).unwrap(), ids);
        }

        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            _ = decode(&bytes);
        }
    }
}
