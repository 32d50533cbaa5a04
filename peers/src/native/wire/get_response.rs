//! The message `GetResponse`:
//!
//! | field | type | |
//! |---|---|---|
//! | 1 value | bytes | always written, also when it is empty |
//! | 2 minute_qps | double | the owner's rate of the key |
//! | 4 life | uint64 | ns from when the request came until the value stops being fresh; absent for never |
//! | 14 origin | fixed64 | names the start of the owner |
//! | 15 made | fixed64 | a hash of the changes that the owner has made |

use bytes::Bytes;
use byteview::ByteView;
use prost::Message;

use super::{encode_life, encode_state, life_len, state_len};
use crate::http::Body;
use crate::protobuf::{get_response, value_message};
use crate::{Error, Expiry, NodeState, Reply, WallClock};

#[derive(Clone, PartialEq, Message)]
struct GetResponse {
    #[prost(bytes = "bytes", optional, tag = "1")]
    value: Option<Bytes>,
    #[prost(double, optional, tag = "2")]
    minute_qps: Option<f64>,
    #[prost(uint64, optional, tag = "4")]
    life: Option<u64>,
    #[prost(fixed64, optional, tag = "14")]
    origin: Option<u64>,
    #[prost(fixed64, optional, tag = "15")]
    made: Option<u64>,
}

/// The message, with the value as it is cached.
pub(in crate::native) fn encode(reply: Reply) -> Body {
    let (minute_qps, state) = (reply.minute_qps, reply.state);
    let life = reply
        .expiry
        .map(|expiry| expiry.nanos(&WallClock::default()));
    let rest_len =
        get_response::encoded_len(minute_qps, None) + life_len(4, life) + state_len(state);
    value_message(reply.value.into_bytes(), rest_len, |buffer| {
        get_response::encode_rest(minute_qps, None, buffer);
        encode_life(4, life, buffer);
        encode_state(14, state, buffer);
    })
}

/// The reply in a message, with its expiry from when the request came. The value is a slice of it.
pub(in crate::native) fn decode(message: Bytes) -> Result<Reply, Error> {
    let message = GetResponse::decode(message)
        .map_err(|error| Error::malformed(format!("a GetResponse: {error}")))?;
    // Every peer writes the field, also for an empty value: an empty body is not a peer's.
    let value = message
        .value
        .ok_or_else(|| Error::malformed("a GetResponse without a value"))?;
    Ok(Reply {
        value: ByteView::from(value),
        expiry: message.life.map(Expiry::from_nanos),
        minute_qps: message.minute_qps,
        state: message.origin.map(|origin| NodeState {
            origin,
            made: message.made.unwrap_or_default(),
        }),
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

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

    #[test]
    fn the_bytes_are_these() {
        let reply = Reply {
            value: "v".into(),
            expiry: Some(Expiry::In(Duration::from_nanos(300))),
            minute_qps: Some(2.0),
            state: Some(NodeState { origin: 7, made: 8 }),
        };
        let golden = [
            &b"\x0a\x01v\x11\0\0\0\0\0\0\0\x40\x20\xac\x02"[..],
            b"\x71\x07\0\0\0\0\0\0\0\x79\x08\0\0\0\0\0\0\0",
        ]
        .concat();
        assert_eq!(collect(encode(reply)), golden);
        let bare = Reply {
            value: "v".into(),
            ..Reply::default()
        };
        assert_eq!(collect(encode(bare)), b"\x0a\x01v".as_slice());
    }

    proptest! {
        #[test]
        fn a_reply_reads_back(
            length in 0_usize..5000,
            minute_qps: Option<u32>,
            nanos: Option<u64>,
            state: Option<(u64, u64)>,
        ) {
            let reply = Reply {
                value: vec![7; length].into(),
                expiry: nanos.map(Expiry::from_nanos),
                minute_qps: minute_qps.map(f64::from),
                state: state.map(|(origin, made)| NodeState { origin, made }),
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
