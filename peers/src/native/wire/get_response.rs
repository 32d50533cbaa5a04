//! The message `GetResponse`:
//!
//! | field | type | |
//! |---|---|---|
//! | 1 value | bytes | always written, also when it is empty |
//! | 2 minute_qps | double | the owner's rate of the key |
//! | 3 expire | int64 | ns since 1970; absent for never |
//! | 14 log | fixed64 | the owner's change log |
//! | 15 changes | uint64 | its end |

use bytes::{BufMut as _, Bytes};
use byteview::ByteView;
use prost::Message;
use prost::encoding::{WireType, encode_key, encode_varint, encoded_len_varint};

use crate::http::Body;
use crate::protobuf::time::{nanos_since_1970, time_from_nanos};
use crate::protobuf::{get_response, value_message};
use crate::{Error, LogPosition, Reply};

#[derive(Clone, PartialEq, Message)]
struct GetResponse {
    #[prost(bytes = "bytes", optional, tag = "1")]
    value: Option<Bytes>,
    #[prost(double, optional, tag = "2")]
    minute_qps: Option<f64>,
    #[prost(int64, optional, tag = "3")]
    expire: Option<i64>,
    #[prost(fixed64, optional, tag = "14")]
    log: Option<u64>,
    #[prost(uint64, tag = "15")]
    changes: u64,
}

/// The message, with the value as it is cached.
pub(in crate::native) fn encode(reply: Reply) -> Body {
    let (minute_qps, log) = (reply.minute_qps, reply.log);
    let expire = reply.expires_at.map(nanos_since_1970);
    let log_len = log.map_or(0, |position| {
        2 + size_of::<u64>() + encoded_len_varint(position.count)
    });
    let rest_len = get_response::encoded_len(minute_qps, expire) + log_len;
    value_message(reply.value.into_bytes(), rest_len, |buffer| {
        get_response::encode_rest(minute_qps, expire, buffer);
        if let Some(position) = log {
            encode_key(14, WireType::SixtyFourBit, buffer);
            buffer.put_u64_le(position.log);
            encode_key(15, WireType::Varint, buffer);
            encode_varint(position.count, buffer);
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
        log: message.log.map(|log| LogPosition {
            log,
            count: message.changes,
        }),
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
            log: Option<(u64, u64)>,
        ) {
            let reply = Reply {
                value: vec![7; length].into(),
                expires_at: nanos.and_then(time_from_nanos),
                minute_qps: minute_qps.map(f64::from),
                log: log.map(|(log, count)| LogPosition { log, count }),
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
