//! The message `GetResponse`:
//!
//! | field | type | |
//! |---|---|---|
//! | 1 value | bytes | always written, also when it is empty |
//! | 2 minute_qps | double | in golang's definition, though no Go program writes or reads it |
//! | 3 expire | int64 | ns since 1970, 0 for never; mailgun's, unknown to golang, which skips it |
//! | 14 log | fixed64 | which log the owner keeps of its changes; ours |
//! | 15 changes | uint64 | how many changes are in it; ours |
//!
//! Who writes the expiry and the log is up to each protocol; they are understood under all.

use std::time::{Duration, SystemTime};

use bytes::{BufMut as _, Bytes};
use byteview::ByteView;
use prost::Message;
use prost::encoding::{WireType, encode_key, encode_varint, encoded_len_varint};

use crate::http::Body;
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

/// Values up to this size are copied beside their framing: one chunk is cheaper to send than three.
const COPIED_BYTES: usize = 2 << 10;

/// What only some protocols say of a value.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Extras {
    pub(crate) expire: Option<i64>,
    pub(crate) log: Option<LogPosition>,
}

/// The message, with the value as it is cached.
pub(crate) fn encode(reply: Reply, extras: Extras) -> Body {
    let value = reply.value.into_bytes();
    let before = 1 + encoded_len_varint(value.len() as u64);
    let after = reply.minute_qps.map_or(0, |_| 1 + size_of::<f64>())
        + extras
            .expire
            .map_or(0, |expire| 1 + encoded_len_varint(expire as u64))
        + extras.log.map_or(0, |position| {
            2 + size_of::<u64>() + encoded_len_varint(position.changes)
        });
    // Buffers of the exact size: another would be allocated again when it is frozen.
    if value.len() <= COPIED_BYTES {
        let mut message = Vec::with_capacity(before + value.len() + after);
        encode_before(value.len(), &mut message);
        message.extend_from_slice(&value);
        encode_after(reply.minute_qps, extras, &mut message);
        return Body::from(message);
    }
    let (mut prefix, mut suffix) = (Vec::with_capacity(before), Vec::with_capacity(after));
    encode_before(value.len(), &mut prefix);
    encode_after(reply.minute_qps, extras, &mut suffix);
    Body::new([prefix.into(), value, suffix.into()])
}

fn encode_before(length: usize, buffer: &mut Vec<u8>) {
    encode_key(1, WireType::LengthDelimited, buffer);
    encode_varint(length as u64, buffer);
}

fn encode_after(minute_qps: Option<f64>, extras: Extras, buffer: &mut Vec<u8>) {
    if let Some(minute_qps) = minute_qps {
        encode_key(2, WireType::SixtyFourBit, buffer);
        buffer.put_f64_le(minute_qps);
    }
    if let Some(expire) = extras.expire {
        encode_key(3, WireType::Varint, buffer);
        encode_varint(expire as u64, buffer);
    }
    if let Some(position) = extras.log {
        encode_key(14, WireType::SixtyFourBit, buffer);
        buffer.put_u64_le(position.log);
        encode_key(15, WireType::Varint, buffer);
        encode_varint(position.changes, buffer);
    }
}

/// The reply in a message. The value is a slice of it.
pub(crate) fn decode(message: Bytes) -> Result<Reply, Error> {
    let message = GetResponse::decode(message)
        .map_err(|error| Error::malformed(format!("a GetResponse: {error}")))?;
    Ok(Reply {
        value: ByteView::from(message.value.unwrap_or_default()),
        expires_at: message.expire.and_then(time_from_nanos),
        minute_qps: message.minute_qps,
        log: message.log.map(|log| LogPosition {
            log,
            changes: message.changes,
        }),
    })
}

/// Times that do not fit (before 1677 or after 2262) become the nearest that does; the one
/// nanosecond that stands for "never" becomes the next.
pub(crate) fn nanos_since_1970(time: SystemTime) -> i64 {
    let nanos = match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_nanos()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_nanos()).map_or(i64::MIN, |nanos| -nanos),
    };
    if nanos == 0 { 1 } else { nanos }
}

/// The time in a message; `None` for never.
pub(crate) fn time_from_nanos(nanos: i64) -> Option<SystemTime> {
    let distance = Duration::from_nanos(nanos.unsigned_abs());
    match nanos {
        0 => None,
        // `None` if the platform's clock cannot tell a time so far away: before 1970 there is at
        // least one that it can.
        1.. => SystemTime::UNIX_EPOCH.checked_add(distance),
        _ => Some(
            SystemTime::UNIX_EPOCH
                .checked_sub(distance)
                .unwrap_or(SystemTime::UNIX_EPOCH),
        ),
    }
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

        #[test]
        fn a_time_reads_back(nanos: i64) {
            if let Some(time) = time_from_nanos(nanos) {
                prop_assert_eq!(nanos_since_1970(time), nanos);
            }
        }
    }
}
