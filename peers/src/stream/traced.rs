//! A call with a place in a trace. Its kind has the bit [`TRACED`], and its message begins with these fields:
//!
//! | field | type | |
//! |---|---|---|
//! | trace | 16 bytes | the id of the trace, as the digits of `traceparent` have it |
//! | parent | 8 bytes | the id of the span that asks, the same way |
//! | flags | u8 | 1 if the trace is recorded, 2 if its id is random |
//! | state | u16, bytes | length and text of `tracestate` |
//!
//! A server says in its answer to the upgrade that it reads them. To one that does not, calls go without.

use bytes::{Buf, BufMut};
use byteview::ByteView;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::fields::Fields;
use super::{Message, Payload};
use crate::{Error, TraceContext};

/// The bit of a kind that says that the message begins with a place in a trace.
const TRACED: u8 = 64;

/// The length of the fields before the state.
const FIELDS: usize = 16 + 8 + 1 + 2;

/// What a server reads beyond the first version of the stream, in its answer to the upgrade.
const ACCEPTS: HeaderName = HeaderName::from_static("x-groupcache-accepts");
const TRACES: HeaderValue = HeaderValue::from_static("traces");

/// Says that this server reads places in traces.
pub(crate) fn take(headers: &mut HeaderMap) {
    headers.insert(ACCEPTS, TRACES);
}

/// Whether the server that has answered so reads places in traces.
pub(super) fn are_taken(headers: &HeaderMap) -> bool {
    let lists = headers.get_all(ACCEPTS).iter();
    lists
        .filter_map(|list| list.to_str().ok())
        .flat_map(|list| list.split(','))
        .any(|word| word.trim() == TRACES)
}

/// A call, to be written with its place in a trace, if it has one.
pub(super) struct Traced<'a, M> {
    pub(super) message: &'a M,
    pub(super) trace: Option<&'a TraceContext>,
}

impl<M: Message> Message for Traced<'_, M> {
    fn kind(&self) -> u8 {
        match self.trace {
            Some(_) => self.message.kind() | TRACED,
            None => self.message.kind(),
        }
    }

    fn fields_len(&self) -> usize {
        let place = self
            .trace
            .map_or(0, |trace| FIELDS + trace.tracestate().len());
        place + self.message.fields_len()
    }

    fn write_fields(&self, buffer: &mut impl BufMut) {
        if let Some(trace) = self.trace {
            buffer.put_u128(trace.trace_id());
            buffer.put_u64(trace.parent_id());
            buffer.put_u8(trace.flags());
            // At most `TraceContext::MAX_STATE_BYTES`.
            buffer.put_u16_le(trace.tracestate().len() as u16);
            buffer.put_slice(trace.tracestate().as_bytes());
        }
        self.message.write_fields(buffer);
    }

    fn body(&self) -> Option<&ByteView> {
        self.message.body()
    }
}

/// The kind of a call without the bit, its place in a trace, and the message behind that. A place that cannot be is
/// left out.
pub(super) fn read(
    kind: u8,
    message: Payload<'_>,
) -> Result<(u8, Option<TraceContext>, Payload<'_>), Error> {
    if kind & TRACED == 0 {
        return Ok((kind, None, message));
    }
    let mut fields = Fields::of("a place in a trace", &*message);
    let ids = fields.bytes(24)?;
    let (mut trace_id, mut parent_id) = ids.split_at(16);
    let (trace_id, parent_id) = (trace_id.get_u128(), parent_id.get_u64());
    let flags = fields.u8()?;
    let length = usize::from(fields.u16()?);
    let state = str::from_utf8(fields.bytes(length)?).unwrap_or_default();
    let trace = TraceContext::new(trace_id, parent_id, flags, state).ok();
    Ok((kind & !TRACED, trace, message.behind(FIELDS + length)))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;

    /// A message of this kind with two fields and a body.
    struct Call(ByteView);

    const KIND: u8 = 17;

    impl Message for Call {
        fn kind(&self) -> u8 {
            KIND
        }

        fn fields_len(&self) -> usize {
            2
        }

        fn write_fields(&self, buffer: &mut impl BufMut) {
            buffer.put_slice(b"xy");
        }

        fn body(&self) -> Option<&ByteView> {
            Some(&self.0)
        }
    }

    fn bytes_of(trace: Option<&TraceContext>) -> (u8, Vec<u8>) {
        let message = &Call("body".into());
        let traced = Traced { message, trace };
        let mut bytes = Vec::new();
        traced.write_fields(&mut bytes);
        assert_eq!(bytes.len(), traced.fields_len());
        bytes.extend_from_slice(traced.body().unwrap());
        assert_eq!(bytes.len(), traced.len());
        (traced.kind(), bytes)
    }

    #[test]
    fn the_bytes_are_the_documented_ones() {
        let trace = TraceContext::new(0x0102 << 112 | 3, 0x04 << 56 | 5, 1, "k=v").unwrap();
        let golden =
            b"\x01\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\x03\x04\0\0\0\0\0\0\x05\x01\x03\0k=vxybody";
        assert_eq!(bytes_of(Some(&trace)), (81, golden.to_vec()));
        assert_eq!(bytes_of(None), (17, b"xybody".to_vec()));
    }

    #[test]
    fn a_place_that_cannot_be_is_left_out_and_one_that_breaks_off_is_an_error() {
        let mut bytes = [0; FIELDS + 4];
        bytes[FIELDS..].copy_from_slice(b"call");
        let (kind, trace, message) = read(KIND | TRACED, Payload::Short(&bytes)).unwrap();
        assert_eq!((kind, trace, &*message), (KIND, None, &b"call"[..]));
        for length in 0..FIELDS {
            let error = read(KIND | TRACED, Payload::Short(&bytes[..length])).unwrap_err();
            assert!(error.is_malformed());
        }
        bytes[FIELDS - 2] = 5;
        assert!(read(KIND | TRACED, Payload::Short(&bytes)).is_err());
    }

    #[test]
    fn a_server_takes_traces_if_it_says_so() {
        let mut headers = HeaderMap::new();
        assert!(!are_taken(&headers));
        take(&mut headers);
        assert!(are_taken(&headers));
        // A later version may take more.
        headers.insert(ACCEPTS, HeaderValue::from_static("more, traces"));
        assert!(are_taken(&headers));
    }

    proptest! {
        #[test]
        fn a_traced_call_reads_back(
            trace_id in 1_u128..,
            parent_id in 1_u64..,
            flags in 0_u8..4,
            state in "([a-z]{1,9}=[a-z]{1,9})?",
            is_long: bool,
        ) {
            let sent = TraceContext::new(trace_id, parent_id, flags, &state).unwrap();
            let (kind, bytes) = bytes_of(Some(&sent));
            let message = match is_long {
                true => Payload::Long(Bytes::copy_from_slice(&bytes)),
                false => Payload::Short(&bytes),
            };
            let (kind, trace, message) = read(kind, message).unwrap();
            prop_assert_eq!((kind, trace), (KIND, Some(sent)));
            prop_assert_eq!(&*message, b"xybody");
            prop_assert_eq!(matches!(message, Payload::Long(_)), is_long);
        }

        #[test]
        fn no_bytes_panic(kind: u8, bytes: Vec<u8>) {
            _ = read(kind, Payload::Short(&bytes));
        }
    }
}
