use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Response, StatusCode};

use super::wire::{self, Extras};
use crate::http::path::Plus;
use crate::http::question::Question;
use crate::http::{Body, failure};
use crate::{Error, Reply};

/// Answers a GET.
pub(crate) async fn answer(question: Question<'_>) -> Response<Body> {
    // golang's clients escape as for a query, and mean a space by a plus.
    let address = match question.address(Plus::Space, status) {
        Ok(address) => address,
        Err(refusal) => return *refusal,
    };
    match question.get(&address, question.mode).await {
        Ok(reply) => value(reply, Extras::default()),
        Err(error) => failure::answer(status(&error), &error),
    }
}

/// The answer that carries a value, with what else the protocol says of it.
pub(crate) fn value(reply: Reply, extras: Extras) -> Response<Body> {
    let mut response = Response::new(wire::encode(reply, extras));
    let protobuf = HeaderValue::from_static("application/x-protobuf");
    response.headers_mut().insert(CONTENT_TYPE, protobuf);
    response
}

/// golang's status for "not found" and for a getter's error is the same 500. All of these make a
/// Go caller load the value itself.
pub(crate) fn status(error: &Error) -> StatusCode {
    if error.is_no_such_group() {
        StatusCode::NOT_FOUND
    } else if error.is_overloaded() {
        StatusCode::TOO_MANY_REQUESTS
    } else if error.is_timeout() {
        StatusCode::GATEWAY_TIMEOUT
    } else if error.is_unsupported() {
        StatusCode::NOT_IMPLEMENTED
    } else {
        error
            .http_status()
            .and_then(|status| StatusCode::from_u16(status).ok())
            .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}
