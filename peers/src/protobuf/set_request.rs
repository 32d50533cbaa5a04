//! The message `SetRequest`:
//!
//! | field | type | |
//! |---|---|---|
//! | 1 group | string | required; the path names the group too, and prevails; between nodes of ours both agree |
//! | 2 key | string | required; Go sends any bytes in it, and so do we |
//! | 3 value | bytes | |
//! | 4 expire | int64 | ns since 1970, 0 for never; always written, but not by native |
//! | 5 life | uint64 | native's: ns until the value stops being fresh, or the largest number for never; absent where the owner's group decides |

use bytes::Bytes;
use byteview::ByteView;
use prost::Message;
use prost::encoding::{WireType, encode_key, encode_varint};

use super::time::time_from_nanos;
use crate::http::Body;
use crate::{Error, Expiry, SetRequest, WallClock};

#[derive(Clone, PartialEq, Message)]
struct SetMessage {
    #[prost(bytes = "bytes", optional, tag = "1")]
    group: Option<Bytes>,
    #[prost(bytes = "bytes", optional, tag = "2")]
    key: Option<Bytes>,
    #[prost(bytes = "bytes", optional, tag = "3")]
    value: Option<Bytes>,
    #[prost(int64, optional, tag = "4")]
    expire: Option<i64>,
    #[prost(uint64, optional, tag = "5")]
    life: Option<u64>,
}

/// A decoded `SetRequest`, in slices of it.
#[derive(Debug)]
pub(crate) struct Set {
    group: Bytes,
    key: Bytes,
    value: ByteView,
    expire: i64,
    life: Option<u64>,
}

impl Set {
    /// Whether the message names this group and key, as the path of an honest request does.
    pub(crate) fn is_about(&self, group: &str, key: &[u8]) -> bool {
        self.group == group.as_bytes() && self.key == key
    }

    /// The expiry as native says it.
    pub(crate) fn life(&self) -> Option<Expiry> {
        self.life.map(Expiry::from_nanos)
    }

    /// The request about the group that the path names, as the Go dialects say it.
    pub(crate) fn as_request<'a>(&'a self, group: &'a str) -> SetRequest<'a> {
        SetRequest {
            group,
            key: &self.key,
            value: self.value.clone(),
            expiry: time_from_nanos(self.expire).map(Expiry::At),
            stamp: None,
            known: &[],
        }
    }
}

/// The last field: its tag and its number.
pub(crate) type Last = (u32, u64);

/// The moment at which the value stops being fresh, by `clock`.
#[cfg(any(test, feature = "groupcache-go", feature = "mailgun"))]
pub(crate) fn moment(request: &SetRequest<'_>, clock: &WallClock) -> Option<Last> {
    let moment = request.expiry.map(|expiry| expiry.moment(clock));
    Some((
        4,
        moment
            .map_or(0, super::time::nanos_since_1970)
            .cast_unsigned(),
    ))
}

/// How long the value has yet to live.
pub(crate) fn life(expiry: Option<Expiry>, clock: &WallClock) -> Option<Last> {
    expiry.map(|expiry| (5, expiry.nanos(clock)))
}

/// The message, with the value from where it is cached.
pub(crate) fn encode(request: &SetRequest<'_>, last: Option<Last>) -> Body {
    let mut before = Vec::with_capacity(request.group.len() + request.key.len() + 32);
    for (field, bytes) in [(1, request.group.as_bytes()), (2, request.key)] {
        encode_key(field, WireType::LengthDelimited, &mut before);
        encode_varint(bytes.len() as u64, &mut before);
        before.extend_from_slice(bytes);
    }
    encode_key(3, WireType::LengthDelimited, &mut before);
    encode_varint(request.value.len() as u64, &mut before);
    let mut after = Vec::with_capacity(11);
    if let Some((tag, number)) = last {
        encode_key(tag, WireType::Varint, &mut after);
        encode_varint(number, &mut after);
    }
    let value = request.value.clone().into_bytes();
    Body::new([before.into(), value, after.into()])
}

/// The request in a message.
pub(crate) fn decode(message: Bytes) -> Result<Set, Error> {
    let malformed = |what: String| Error::status(400, format!("bad request: {what}"));
    let message =
        SetMessage::decode(message).map_err(|error| malformed(format!("a SetRequest: {error}")))?;
    let missing = |field| malformed(format!("a SetRequest without a {field}"));
    Ok(Set {
        group: message.group.ok_or_else(|| missing("group"))?,
        key: message.key.ok_or_else(|| missing("key"))?,
        value: message.value.unwrap_or_default().into(),
        expire: message.expire.unwrap_or_default(),
        life: message.life,
    })
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

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
    fn native_says_a_life_and_the_others_a_moment() {
        let clock = WallClock::of(|| SystemTime::UNIX_EPOCH + Duration::from_secs(1));
        let request = SetRequest {
            group: "g",
            key: b"k",
            value: "v".into(),
            expiry: Some(Expiry::In(Duration::from_nanos(300))),
            stamp: None,
            known: &[],
        };
        let message = |last| collect(encode(&request, last));
        let start = b"\x0a\x01g\x12\x01k\x1a\x01v".as_slice();
        let native = message(life(request.expiry, &clock));
        assert_eq!(native, [start, b"\x28\xac\x02"].concat());
        let others = message(moment(&request, &clock));
        assert_eq!(others, [start, b"\x20\xac\x96\xeb\xdc\x03"].concat());
        assert_eq!(message(life(None, &clock)), start);
    }

    proptest! {
        #[test]
        fn a_request_of_any_bytes_arrives(group: String, key: Vec<u8>, value: Vec<u8>, expire: i64) {
            let request = SetRequest {
                group: &group,
                key: &key,
                value: value.clone().into(),
                expiry: time_from_nanos(expire).map(Expiry::At),
                stamp: None,
                known: &[],
            };
            let last = moment(&request, &WallClock::default());
            let set = decode(collect(encode(&request, last))).unwrap();
            let received = set.as_request(&group);
            prop_assert_eq!((received.key, &received.value), (&*key, &value.into()));
            prop_assert_eq!((received.expiry, set.life()), (request.expiry, None));
        }

        #[test]
        fn a_life_reads_back(nanos: Option<u64>) {
            let request = SetRequest {
                group: "g",
                key: b"k",
                value: "v".into(),
                expiry: nanos.map(Expiry::from_nanos),
                stamp: None,
                known: &[],
            };
            let last = life(request.expiry, &WallClock::default());
            let set = decode(collect(encode(&request, last))).unwrap();
            prop_assert_eq!((set.life(), set.expire), (request.expiry, 0));
        }

        #[test]
        fn no_bytes_panic_or_grow(bytes: Vec<u8>) {
            let length = bytes.len();
            if let Ok(set) = decode(bytes.into()) {
                prop_assert!(set.key.len() + set.value.len() <= length);
            }
        }
    }

    #[test]
    fn a_message_without_a_required_field_is_refused() {
        for (message, text) in [
            (b"".as_slice(), "without a group"),
            (b"\x12\x01k", "without a group"),
            (b"\x0a\x01g", "without a key"),
            (b"\xff\xff\xff", "a SetRequest: "),
        ] {
            let error = decode(Bytes::from_static(message)).unwrap_err();
            assert!(error.to_string().contains(text), "{error}");
        }
    }
}
