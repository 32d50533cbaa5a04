//! The message `GetResponse`:
//!
//! | field | type | |
//! |---|---|---|
//! | 1 value | bytes | always written, also when it is empty |
//! | 2 minute_qps | double | the owner's rate of the key |
//! | 3 expire | int64 | ns since 1970; absent for never |
//! | 15 seen | uint64 | how many changes the owner has made |

use bytes::Bytes;
use byteview::ByteView;
use prost::Message;
use prost::encoding::{WireType, encode_key, encode_varint, encoded_len_varint};

use crate::http::Body;
use crate::protobuf::time::{nanos_since_1970, time_from_nanos};
use crate::protobuf::{get_response, value_message};
use crate::{Error, Reply};

#[derive(Clone, PartialEq, Message)]
struct GetResponse {
    #[prost(bytes = "bytes", optional, tag = "1")]
    value: Option<Bytes>,
    #[prost(double, optional, tag = "2")]
    minute_qps: Option<f64>,
    #[prost(int64, optional, tag = "3")]
    expire: Option<i64>,
    #[prost(uint64, optional, tag = "15")]
    seen: Option<u64>,
}

/// The message, with the value as it is cached.
pub(in crate::native) fn encode(reply: Reply) -> Body {
    let (minute_qps, seen) = (reply.minute_qps, reply.seen);
    let expire = reply.expires_at.map(nanos_since_1970);
    let seen_len = seen.map_or(0, |seen| 1 + encoded_len_varint(seen));
    let rest_len = get_response::encoded_len(minute_qps, expire) + seen_len;
    value_message(reply.value.into_bytes(), rest_len, |buffer| {
        get_response::encode_rest(minute_qps, expire, buffer);
        if let Some(seen) = seen {
            encode_key(15, WireType::Varint, buffer);
            encode_varint(seen, buffer);
        }
    })
}

/// The reply in a message. The value is a slice of it.
pub(in crate::native) fn decode(message: Bytes) -> Result<Reply, Error> {
    let message = GetResponse::decode(message)
        .map_err(|error| Error::malformed(format!("a GetResponse: {error}")))?;
    // Every peer writes the field, also for an empty value: an empty body is not a peer's.
    let value = message
        .value
        .ok_or_else(|| Error::malformed("a GetResponse without a value"))?;
    Ok(Reply {
        value: ByteView::from(value),
        expires_at: message.expire.and_then(time_from_nanos),
        minute_qps: message.minute_qps,
        seen: message.seen,
    })
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;
    use proptest::prelude::*;

    use super::*;

    fn collect(body: Body) -> Bytes {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let Ok(body) = runtime.block_on(body.collect());
        body.to_bytes()
    }

    proptest! {
        #[test]
        fn a_reply_reads_back(
            length in 0_usize..5000,
            minute_qps: Option<u32>,
            nanos: Option<i64>,
            seen: Option<u64>,
        ) {
            let reply = Reply {
                value: vec![7; length].into(),
                expires_at: nanos.and_then(time_from_nanos),
                minute_qps: minute_qps.map(f64::from),
                seen,
            };
            let message = collect(encode(reply.clone()));
            prop_assert_eq!(decode(message).unwrap(), reply);
        }

        #[test]
        fn no_bytes_panic_or_grow(bytes: Vec<u8>) {
            let length = bytes.len();
            if let Ok(reply) = decode(bytes.into()) {
                prop_assert!(reply.value.len() <= length);
            }
        }
    }
}
