//! The message of a get of several keys:
//!
//! | field | type | |
//! |---|---|---|
//! | group | u16, bytes | length and UTF-8 text |
//! | request | bytes | the rest: a `GetManyRequest`, as over HTTP |

use bytes::BufMut;
use byteview::ByteView;

use super::{kind, name_bytes, name_len};
use crate::native::wire::get_many_request;
use crate::stream::Message;
use crate::stream::fields::Fields;
use crate::{Error, GetManyRequest};

/// A get of several keys, to be written.
pub(crate) struct GetMany<'a> {
    group: &'a str,
    request: ByteView,
}

impl<'a> GetMany<'a> {
    pub(crate) fn new(request: &GetManyRequest<'a>) -> Self {
        Self {
            group: request.group,
            request: get_many_request::encode(request).into(),
        }
    }
}

impl Message for GetMany<'_> {
    fn kind(&self) -> u8 {
        kind::GET_MANY
    }

    fn fields_len(&self) -> usize {
        2 + name_bytes(self.group).len()
    }

    fn write_fields(&self, buffer: &mut impl BufMut) {
        buffer.put_u16_le(name_len(self.group));
        buffer.put_slice(name_bytes(self.group));
    }

    fn body(&self) -> Option<&ByteView> {
        Some(&self.request)
    }
}

/// A get of several keys, as it was read. Group and keys are slices of the message.
#[derive(Debug)]
pub(crate) struct Received<'a> {
    group: &'a str,
    asked: get_many_request::Asked<'a>,
}

impl Received<'_> {
    pub(crate) fn as_request(&self) -> GetManyRequest<'_> {
        GetManyRequest {
            group: self.group,
            keys: &self.asked.keys,
            mode: self.asked.mode,
            known: &self.asked.known,
        }
    }
}

pub(crate) fn read(message: &[u8]) -> Result<Received<'_>, Error> {
    let mut fields = Fields::of("a get of several keys", message);
    let length = fields.u16()?.into();
    let group = fields.text(length)?;
    let asked = get_many_request::decode(fields.rest())?;
    Ok(Received { group, asked })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::bytes_of;
    use super::*;
    use crate::GetMode;

    fn request<'a>(group: &'a str, keys: &'a [&'a [u8]]) -> GetManyRequest<'a> {
        GetManyRequest {
            group,
            keys,
            mode: GetMode::Peek,
            known: &[],
        }
    }

    #[test]
    fn the_bytes_are_the_documented_ones() {
        let sent = GetMany::new(&request("gr", &[b"cat", b""]));
        assert_eq!(bytes_of(&sent), b"\x02\0gr\x08\x01\x12\x03cat\x12\0");
    }

    proptest! {
        #[test]
        fn a_request_reads_back(group: String, keys: Vec<Vec<u8>>) {
            let keys: Vec<&[u8]> = keys.iter().map(Vec::as_slice).collect();
            let bytes = bytes_of(&GetMany::new(&request(&group, &keys)));
            let came = read(&bytes).unwrap();
            let came = came.as_request();
            prop_assert_eq!((came.group, came.mode), (&*group, GetMode::Peek));
            prop_assert_eq!(came.keys, &keys);
        }

        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            _ = read(&bytes);
        }
    }
}
