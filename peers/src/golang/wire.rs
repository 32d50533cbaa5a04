//! The [`GetResponse`](crate::protobuf::get_response) without an expiry, which golang does not know.

use bytes::Bytes;

use crate::http::Body;
use crate::protobuf::get_response;
use crate::{Error, Reply};

pub(super) fn encode(reply: Reply) -> Body {
    get_response::encode(reply, None)
}

pub(super) fn decode(message: Bytes) -> Result<Reply, Error> {
    get_response::decode(message)
}
