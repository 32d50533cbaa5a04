//! The message `GetResponse`:
//!
//! | field | type | |
//! |---|---|---|
//! | 1 value | bytes | always written, also when it is empty |
//! | 2 minute_qps | double | in golang's definition, though no Go program writes or reads it |
//! | 3 expire | int64 | ns since 1970, 0 for never; mailgun's, unknown to golang, which skips it |
//!
//! Each protocol decides whether it writes the expiry; all understand it.

use bytes::{BufMut as _, Bytes};
use byteview::ByteView;
use prost::Message;
use prost::encoding::{WireType, encode_key, encode_varint, encoded_len_varint};

use super::time::time_from_nanos;
use super::value_message::value_message;
use crate::http::Body;
use crate::{Error, Expiry, Reply};

#[derive(Clone, PartialEq, Message)]
struct GetResponse {
    #[prost(bytes = "bytes", optional, tag = "1")]
    value: Option<Bytes>,
    #[prost(double, optional, tag = "2")]
    minute_qps: Option<f64>,
    #[prost(int64, optional, tag = "3")]
    expire: Option<i64>,
}

/// The message, with the value as it is cached, and an expiry if there is one.
pub(crate) fn encode(reply: Reply, expire: Option<i64>) -> Body {
    let minute_qps = reply.minute_qps;
    let rest_len = encoded_len(minute_qps, expire);
    value_message(reply.value.into_bytes(), rest_len, |buffer| {
        encode_rest(minute_qps, expire, buffer);
    })
}

/// The bytes that [`encode_rest`] writes.
pub(crate) fn encoded_len(minute_qps: Option<f64>, expire: Option<i64>) -> usize {
    minute_qps.map_or(0, |_| 1 + size_of::<f64>())
        + expire.map_or(0, |expire| 1 + encoded_len_varint(expire as u64))
}

/// The fields after the value.
pub(crate) fn encode_rest(minute_qps: Option<f64>, expire: Option<i64>, buffer: &mut Vec<u8>) {
    if let Some(minute_qps) = minute_qps {
        encode_key(2, WireType::SixtyFourBit, buffer);
        buffer.put_f64_le(minute_qps);
    }
    if let Some(expire) = expire {
        encode_key(3, WireType::Varint, buffer);
        encode_varint(expire as u64, buffer);
    }
}

/// The reply in a message. The value is a slice of it.
pub(crate) fn decode(message: Bytes) -> Result<Reply, Error> {
    let message = GetResponse::decode(message)
        .map_err(|error| Error::malformed(format!("a GetResponse: {error}")))?;
    // Every peer writes the field, also for an empty value: an empty body is not a peer's.
    let value = message
        .value
        .ok_or_else(|| Error::malformed("a GetResponse without a value"))?;
    Ok(Reply {
        value: ByteView::from(value),
        expiry: message.expire.and_then(time_from_nanos).map(Expiry::At),
        minute_qps: message.minute_qps,
        state: None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_bytes_panic_or_grow(bytes: Vec<u8>) {
            let length = bytes.len();
            if let Ok(reply) = decode(bytes.into()) {
                prop_assert!(reply.value.len() <= length);
            }
        }
    }
}
