//! The answer with a value:
//!
//! | field | type | |
//! |---|---|---|
//! | flags | u8 | which of the following come: 1 the life, 2 the rate, 4 the origin and the hash |
//! | life | u64 | ns from when the call came until the value stops being fresh; the largest number is never |
//! | rate | f64 | requests per minute that the owner measured |
//! | origin | u64 | names the start of the owner |
//! | made | u64 | a hash of the changes that the owner has made |
//! | value | bytes | the rest |

use bytes::{BufMut, Bytes};
use byteview::ByteView;

use crate::stream::fields::Fields;
use crate::{Error, Expiry, NodeState, Reply, WallClock};

const LIFE: u8 = 1;
const RATE: u8 = 2;
const STATE: u8 = 4;

/// How long the fields before the value are.
pub(super) fn fields_len(reply: &Reply) -> usize {
    let present = |is: bool, length| if is { length } else { 0 };
    1 + present(reply.expiry.is_some(), 8)
        + present(reply.minute_qps.is_some(), 8)
        + present(reply.state.is_some(), 16)
}

/// Writes the fields before the value.
pub(super) fn write_fields(reply: &Reply, buffer: &mut impl BufMut) {
    let flag = |is: bool, flag| if is { flag } else { 0 };
    let flags = flag(reply.expiry.is_some(), LIFE)
        | flag(reply.minute_qps.is_some(), RATE)
        | flag(reply.state.is_some(), STATE);
    buffer.put_u8(flags);
    if let Some(expiry) = reply.expiry {
        buffer.put_u64_le(expiry.nanos(&WallClock::default()));
    }
    if let Some(rate) = reply.minute_qps {
        buffer.put_f64_le(rate);
    }
    if let Some(NodeState { origin, made }) = reply.state {
        buffer.put_u64_le(origin);
        buffer.put_u64_le(made);
    }
}

/// Reads a reply, with its expiry from when the call came. The value is a slice of the message.
pub(crate) fn read(message: Bytes) -> Result<Reply, Error> {
    let mut fields = Fields::of("a value", message);
    let flags = fields.u8()?;
    if flags & !(LIFE | RATE | STATE) != 0 {
        return Err(fields.wrong("has unknown flags"));
    }
    let mut reply = Reply::default();
    if flags & LIFE != 0 {
        reply.expiry = Some(Expiry::from_nanos(fields.u64()?));
    }
    if flags & RATE != 0 {
        reply.minute_qps = Some(f64::from_bits(fields.u64()?));
    }
    if flags & STATE != 0 {
        let (origin, made) = (fields.u64()?, fields.u64()?);
        reply.state = Some(NodeState { origin, made });
    }
    reply.value = ByteView::from(fields.rest());
    Ok(reply)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::answer::Answer;
    use super::super::bytes_of;
    use super::*;

    #[test]
    fn the_bytes_are_the_documented_ones() {
        let full = Reply {
            value: "value".into(),
            expiry: Some(Expiry::from_nanos(1)),
            minute_qps: Some(1.5),
            state: Some(NodeState {
                origin: 0x0203,
                made: 0x0405,
            }),
        };
        let golden = [
            &b"\x07\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\xf8\x3f"[..],
            b"\x03\x02\0\0\0\0\0\0\x05\x04\0\0\0\0\0\0value",
        ]
        .concat();
        assert_eq!(bytes_of(&Answer::Value(full)), golden);
        let bare = Reply {
            value: "value".into(),
            ..Reply::default()
        };
        assert_eq!(bytes_of(&Answer::Value(bare)), b"\0value");
    }

    proptest! {
        #[test]
        fn a_reply_reads_back(
            value: Vec<u8>,
            nanos: Option<u64>,
            minute_qps: Option<u32>,
            state: Option<(u64, u64)>,
        ) {
            let reply = Reply {
                value: value.into(),
                expiry: nanos.map(Expiry::from_nanos),
                minute_qps: minute_qps.map(f64::from),
                state: state.map(|(origin, made)| NodeState { origin, made }),
            };
            let bytes = bytes_of(&Answer::Value(reply.clone()));
            prop_assert_eq!(read(bytes.into()).unwrap(), reply);
        }

        #[test]
        fn no_bytes_panic_or_grow(bytes: Vec<u8>) {
            let length = bytes.len();
            if let Ok(reply) = read(bytes.into()) {
                prop_assert!(reply.value.len() < length);
            }
        }
    }
}
