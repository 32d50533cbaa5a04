//! An offer of values: the id of the node that has them and the name of the group, a [`text`] each, and the keys to the end of
//! the message, each a u32, its length, and its bytes.

use bytes::{BufMut as _, Bytes};

use super::text;
use crate::stream::fields::Fields;
use crate::{Error, GetManyRequest, OfferRequest};

/// An offer, as it was read: slices of the message.
#[derive(Debug)]
pub(in crate::native) struct Received<'a> {
    member: &'a str,
    group: &'a str,
    keys: Vec<&'a [u8]>,
}

impl Received<'_> {
    pub(in crate::native) fn as_request(&self) -> OfferRequest<'_> {
        OfferRequest {
            member: self.member,
            group: self.group,
            keys: &self.keys,
        }
    }
}

/// The message; [`Error::is_too_large`] if it has more keys, or longer ones, than one request may have.
pub(in crate::native) fn encode(offer: &OfferRequest<'_>) -> Result<Bytes, Error> {
    let OfferRequest {
        member,
        group,
        keys,
    } = *offer;
    let (count, bytes) = (keys.len(), keys.iter().map(|key| key.len()).sum());
    check(count, bytes)?;
    let mut message = Vec::with_capacity(4 + member.len() + group.len() + 4 * count + bytes);
    text::encode("a member's id", member, &mut message)?;
    text::encode("a group's name", group, &mut message)?;
    for key in keys {
        message.put_u32_le(key.len() as u32);
        message.put_slice(key);
    }
    Ok(message.into())
}

/// The offer in a message.
pub(in crate::native) fn decode(message: &[u8]) -> Result<Received<'_>, Error> {
    let mut fields = Fields::of("an offer", message);
    let member = text::decode(&mut fields)?;
    let group = text::decode(&mut fields)?;
    let (mut keys, mut bytes) = (Vec::new(), 0);
    while !fields.is_empty() {
        let length = fields.u32()? as usize;
        keys.push(fields.bytes(length)?);
        bytes += length;
        if check(keys.len(), bytes).is_err() {
            return Err(fields.wrong("has more keys, or longer ones, than an offer may have"));
        }
    }
    Ok(Received {
        member,
        group,
        keys,
    })
}

fn check(count: usize, bytes: usize) -> Result<(), Error> {
    let (most, longest) = (GetManyRequest::MAX_KEYS, GetManyRequest::MAX_BYTES);
    if count > most {
        return Err(Error::too_many(
            "keys in one offer",
            count as u64,
            most as u64,
        ));
    }
    if bytes > longest {
        return Err(Error::too_large(
            "the keys of one offer",
            bytes as u64,
            longest as u64,
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn offer<'a>(keys: &'a [&'a [u8]]) -> OfferRequest<'a> {
        OfferRequest {
            member: "pod-1",
            group: "g",
            keys,
        }
    }

    #[test]
    fn the_bytes_are_the_documented_ones() {
        let message = encode(&offer(&[b"k", b""])).unwrap();
        assert_eq!(*message, *b"\x05\0pod-1\x01\0g\x01\0\0\0k\0\0\0\0");
    }

    #[test]
    fn more_keys_than_a_request_may_have_are_neither_sent_nor_read() {
        let most = [&b""[..]; GetManyRequest::MAX_KEYS];
        let mut message = encode(&offer(&most)).unwrap().to_vec();
        assert_eq!(decode(&message).unwrap().keys.len(), most.len());
        message.extend([0; 4]);
        assert!(decode(&message).unwrap_err().is_malformed());
        assert!(
            encode(&offer(&[&most[..], &[b""]].concat()))
                .unwrap_err()
                .is_too_large()
        );
        let long = vec![0; GetManyRequest::MAX_BYTES + 1];
        assert!(encode(&offer(&[&long])).unwrap_err().is_too_large());
    }

    #[test]
    fn an_offer_that_breaks_off_is_malformed() {
        let message = encode(&offer(&[b"key"])).unwrap();
        for length in (0..message.len()).filter(|length| *length != 10) {
            assert!(
                decode(&message[..length]).unwrap_err().is_malformed(),
                "{length}"
            );
        }
    }

    proptest! {
        #[test]
        fn offers_read_back(member: String, group: String, keys: Vec<Vec<u8>>) {
            let keys: Vec<&[u8]> = keys.iter().map(Vec::as_slice).collect();
            let (member, group) = (&*member, &*group);
            let message = encode(&OfferRequest { member, group, keys: &keys }).unwrap();
            let received = decode(&message).unwrap();
            prop_assert_eq!((received.member, received.group, received.keys), (member, group, keys));
        }

        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            _ = decode(&bytes);
        }
    }
}
