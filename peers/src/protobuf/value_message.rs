use bytes::Bytes;
use http::Response;
use http::header::{CONTENT_TYPE, HeaderValue};
use prost::encoding::{WireType, encode_key, encode_varint, encoded_len_varint};

use crate::http::Body;

/// Values up to this size are copied beside their framing: one chunk is cheaper to send than three.
const COPIED_BYTES: usize = 2 << 10;

/// A message whose first field is the value, sent from where it is cached. The other fields take
/// `rest_len` bytes, which `rest` writes.
pub(crate) fn value_message(
    value: Bytes,
    rest_len: usize,
    rest: impl FnOnce(&mut Vec<u8>),
) -> Body {
    let head_len = 1 + encoded_len_varint(value.len() as u64);
    let head = |buffer: &mut Vec<u8>| {
        encode_key(1, WireType::LengthDelimited, buffer);
        encode_varint(value.len() as u64, buffer);
    };
    // Buffers of the exact size: another would be allocated again when it is frozen.
    if value.len() <= COPIED_BYTES {
        let mut message = Vec::with_capacity(head_len + value.len() + rest_len);
        head(&mut message);
        message.extend_from_slice(&value);
        rest(&mut message);
        return Body::from(message);
    }
    let (mut prefix, mut suffix) = (Vec::with_capacity(head_len), Vec::with_capacity(rest_len));
    head(&mut prefix);
    rest(&mut suffix);
    Body::new([prefix.into(), value, suffix.into()])
}

/// The answer that carries a message.
pub(crate) fn response(message: Body) -> Response<Body> {
    let mut response = Response::new(message);
    let protobuf = HeaderValue::from_static(super::CONTENT_TYPE);
    response.headers_mut().insert(CONTENT_TYPE, protobuf);
    response
}
