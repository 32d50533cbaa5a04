use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Response, StatusCode};

use super::wire;
use crate::http::path::{self, Plus};
use crate::http::{Body, HttpOptions, failure};
use crate::{Error, GetMode, GetRequest, PeerService, Protocol, Reply};

/// Answers `GET <base path><target>`.
pub(crate) async fn answer(
    protocol: Protocol,
    options: &HttpOptions,
    service: &dyn PeerService,
    target: &str,
    mode: GetMode,
) -> Response<Body> {
    let plus = match protocol {
        Protocol::Golang => Plus::Space,
        Protocol::Native => Plus::Plus,
    };
    let Ok(target) = path::unescape(target, plus) else {
        return failure::text(
            StatusCode::BAD_REQUEST,
            "bad request: malformed escape in the path",
        );
    };
    let Some((group, key)) = path::split(&target) else {
        return failure::text(StatusCode::BAD_REQUEST, "bad request");
    };
    if key.len() > options.max_key_bytes {
        let error = Error::too_large("a key", key.len() as u64, options.max_key_bytes as u64);
        return failure::answer(StatusCode::URI_TOO_LONG, &error);
    }
    let Ok(group) = str::from_utf8(group) else {
        let error = Error::no_such_group(String::from_utf8_lossy(group));
        return failure::answer(status(&error), &error);
    };
    let result = service.get(GetRequest { group, key, mode }).await;
    match result.and_then(|reply| within(options, reply)) {
        Ok(reply) => value(protocol, reply),
        Err(error) => failure::answer(status(&error), &error),
    }
}

fn within(options: &HttpOptions, reply: Reply) -> Result<Reply, Error> {
    let (size, limit) = (reply.value.len(), options.max_value_bytes);
    if size > limit {
        return Err(Error::too_large("a value", size as u64, limit as u64));
    }
    Ok(reply)
}

fn value(protocol: Protocol, reply: Reply) -> Response<Body> {
    let mut response = Response::new(wire::encode(protocol, reply));
    let protobuf = HeaderValue::from_static("application/x-protobuf");
    response.headers_mut().insert(CONTENT_TYPE, protobuf);
    response
}

/// golang's status for "not found" and for a getter's error is the same 500. All of these make a
/// Go caller load the value itself.
fn status(error: &Error) -> StatusCode {
    if error.is_no_such_group() {
        StatusCode::NOT_FOUND
    } else if error.is_overloaded() {
        StatusCode::TOO_MANY_REQUESTS
    } else if error.is_timeout() {
        StatusCode::GATEWAY_TIMEOUT
    } else {
        StatusCode::INTERNAL_SERVER_ERROR
    }
}
