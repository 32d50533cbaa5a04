//! The messages. `GetRequest` and `PeekRequest` are one:
//!
//! | message | field | type | |
//! |---|---|---|---|
//! | request | 1 galaxy | string | decoded as bytes: what is not UTF-8 is an unknown galaxy, not a malformed message |
//! | | 2 key | bytes | |
//! | `GetResponse` | 1 value | bytes | |
//! | | 2 minute_qps | double | no Go program writes or reads it; 0 stands for unknown |
//! | | 3 expiry | Timestamp | absent for never |
//! | `PeekResponse` | 1 value | bytes | |
//! | | 2 expiry | Timestamp | |
//!
//! As proto3 has it, a field that is empty or zero is not sent.

use std::mem;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use byteview::ByteView;
use prost::Message;
use prost::encoding::{WireType, encode_key, encode_varint};

use crate::{Error, Expiry, Reply, WallClock};

#[derive(Clone, PartialEq, Message)]
pub(super) struct Request {
    #[prost(bytes = "bytes", tag = "1")]
    pub(super) galaxy: Bytes,
    #[prost(bytes = "bytes", tag = "2")]
    pub(super) key: Bytes,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct GetResponse {
    #[prost(bytes = "bytes", tag = "1")]
    value: Bytes,
    #[prost(double, tag = "2")]
    minute_qps: f64,
    #[prost(message, optional, tag = "3")]
    expiry: Option<Timestamp>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct PeekResponse {
    #[prost(bytes = "bytes", tag = "1")]
    value: Bytes,
    #[prost(message, optional, tag = "2")]
    expiry: Option<Timestamp>,
}

/// `google.protobuf.Timestamp`: seconds since 1970, and nanoseconds that count forwards from there.
#[derive(Clone, Copy, PartialEq, Message)]
struct Timestamp {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

/// Go's zero time, 1 January of the year 1, which stands for "never" there.
const GO_ZERO_SECONDS: i64 = -62_135_596_800;

/// Values up to this size are copied out of the buffer that they were received in, which is at
/// least 8 KiB large and would live as long as they do.
const COPIED_BYTES: usize = 16 << 10;

/// What a frame begins with, before the length of its message.
const NOT_COMPRESSED: u8 = 0;

impl From<Reply> for GetResponse {
    fn from(reply: Reply) -> Self {
        Self {
            value: reply.value.into_bytes(),
            minute_qps: reply.minute_qps.unwrap_or_default(),
            expiry: reply.expiry.map(timestamp),
        }
    }
}

impl From<Reply> for PeekResponse {
    fn from(reply: Reply) -> Self {
        Self {
            value: reply.value.into_bytes(),
            expiry: reply.expiry.map(timestamp),
        }
    }
}

impl TryFrom<GetResponse> for Reply {
    type Error = Error;

    fn try_from(response: GetResponse) -> Result<Self, Error> {
        Ok(Self {
            value: view(response.value),
            expiry: read_expiry(response.expiry)?,
            minute_qps: (response.minute_qps != 0.0).then_some(response.minute_qps),
            state: None,
        })
    }
}

impl TryFrom<PeekResponse> for Reply {
    type Error = Error;

    fn try_from(response: PeekResponse) -> Result<Self, Error> {
        Ok(Self {
            value: view(response.value),
            expiry: read_expiry(response.expiry)?,
            ..Self::default()
        })
    }
}

/// The tag of the value, which both responses begin with.
const VALUE: u32 = 1;

/// A response in its frame, in three pieces: what comes before the value, the value, and what comes after it. The value is
/// not copied.
pub(super) fn framed<R: Message + From<Reply>>(mut reply: Reply) -> Result<[Bytes; 3], Error> {
    let value = mem::take(&mut reply.value).into_bytes();
    let rest = R::from(reply).encode_to_vec();
    let mut field = Vec::new();
    if !value.is_empty() {
        encode_key(VALUE, WireType::LengthDelimited, &mut field);
        encode_varint(value.len() as u64, &mut field);
    }
    let length = field.len() + value.len() + rest.len();
    let stated = u32::try_from(length)
        .map_err(|_| Error::too_large("a gRPC message", length as u64, u32::MAX.into()))?;
    let mut head = vec![NOT_COMPRESSED];
    head.extend(stated.to_be_bytes());
    head.append(&mut field);
    Ok([head.into(), value, rest.into()])
}

fn view(value: Bytes) -> ByteView {
    match value.len() {
        ..=COPIED_BYTES => Bytes::copy_from_slice(&value).into(),
        _ => value.into(),
    }
}

impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Self {
        let seconds = |duration: Duration| i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
        match time.duration_since(SystemTime::UNIX_EPOCH) {
            Ok(after) => Self {
                seconds: seconds(after),
                nanos: after.subsec_nanos() as i32,
            },
            Err(before) => {
                let before = before.duration();
                let (whole, rest) = (-seconds(before), before.subsec_nanos() as i32);
                match rest {
                    0 => Self {
                        seconds: whole,
                        nanos: 0,
                    },
                    _ => Self {
                        seconds: whole.saturating_sub(1),
                        nanos: 1_000_000_000 - rest,
                    },
                }
            }
        }
    }
}

/// The time, the nearest that the platform's clock can tell to one before 1970, and never if it
/// cannot tell one that is so far ahead.
/// The server has made a moment of it, by its clock.
fn timestamp(expiry: Expiry) -> Timestamp {
    expiry.moment(&WallClock::default()).into()
}

fn read_expiry(expiry: Option<Timestamp>) -> Result<Option<Expiry>, Error> {
    expires_at(expiry).map(|moment| moment.map(Expiry::At))
}

fn expires_at(expiry: Option<Timestamp>) -> Result<Option<SystemTime>, Error> {
    let Some(Timestamp { seconds, nanos }) = expiry else {
        return Ok(None);
    };
    let nanos = match u32::try_from(nanos) {
        Ok(nanos @ ..=999_999_999) => nanos,
        _ => {
            return Err(Error::malformed(format!(
                "a Timestamp with {nanos} nanoseconds"
            )));
        }
    };
    if (seconds, nanos) == (GO_ZERO_SECONDS, 0) {
        return Ok(None);
    }
    let (whole, part) = (
        Duration::from_secs(seconds.unsigned_abs()),
        Duration::from_nanos(nanos.into()),
    );
    let epoch = SystemTime::UNIX_EPOCH;
    Ok(if seconds >= 0 {
        epoch
            .checked_add(whole)
            .and_then(|time| time.checked_add(part))
    } else {
        let time = epoch.checked_sub(whole);
        Some(
            time.and_then(|time| time.checked_add(part))
                .unwrap_or(epoch),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn there_and_back(reply: Reply) -> Reply {
        let message = GetResponse::from(reply).encode_to_vec();
        GetResponse::decode(&*message).unwrap().try_into().unwrap()
    }

    #[test]
    fn a_reply_comes_back_as_it_was() {
        let epoch = SystemTime::UNIX_EPOCH;
        for expires_at in [
            None,
            Some(epoch),
            Some(epoch + Duration::new(1_900_000_000, 123_456_789)),
            Some(epoch - Duration::new(5, 0)),
            Some(epoch - Duration::new(5, 1)),
            Some(epoch - Duration::new(0, 999_999_999)),
        ] {
            for minute_qps in [None, Some(0.5)] {
                let reply = Reply {
                    value: "value".into(),
                    expiry: expires_at.map(Expiry::At),
                    minute_qps,
                    ..Reply::default()
                };
                assert_eq!(there_and_back(reply.clone()), reply);
            }
        }
        let large = vec![7; COPIED_BYTES + 1];
        let reply = Reply {
            value: large.into(),
            ..Reply::default()
        };
        assert_eq!(there_and_back(reply.clone()), reply);
    }

    #[test]
    fn a_frame_is_what_the_whole_message_would_be_in_it() {
        for value in ["", "value"] {
            let reply = Reply {
                value: value.into(),
                expiry: Some(Expiry::At(SystemTime::UNIX_EPOCH)),
                minute_qps: Some(0.5),
                ..Reply::default()
            };
            let message = GetResponse::from(reply.clone()).encode_to_vec();
            let frame = framed::<GetResponse>(reply).unwrap().concat();
            assert_eq!(frame[..5], [0, 0, 0, 0, message.len() as u8]);
            assert_eq!(frame[5..], message);
        }
    }

    #[test]
    fn nothing_is_sent_for_what_is_empty() {
        assert!(
            GetResponse::from(Reply::default())
                .encode_to_vec()
                .is_empty()
        );
        assert!(
            PeekResponse::from(Reply::default())
                .encode_to_vec()
                .is_empty()
        );
    }

    #[test]
    fn times_that_no_clock_tells_are_bounded_and_lies_refused() {
        let at = |seconds, nanos| expires_at(Some(Timestamp { seconds, nanos }));
        assert_eq!(at(GO_ZERO_SECONDS, 0).unwrap(), None);
        assert!(at(GO_ZERO_SECONDS, 1).unwrap().is_some());
        for seconds in [i64::MIN, i64::MAX] {
            assert!(at(seconds, 999_999_999).is_ok());
        }
        for nanos in [-1, 1_000_000_000, i32::MIN, i32::MAX] {
            let error = at(0, nanos).unwrap_err();
            assert!(error.is_transport() && error.to_string().contains("Timestamp"));
        }
    }
}
