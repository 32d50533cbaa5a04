//! What the pages of a node answer.

use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Response, StatusCode};
use peers::Body;

/// An answer of this content type, which nobody keeps: the next one may be another.
pub(crate) fn of_type(content_type: &'static str, body: impl Into<Body>) -> Response<Body> {
    let mut answer = Response::new(body.into());
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

/// An answer in words.
pub(crate) fn text(status: StatusCode, text: &str) -> Response<Body> {
    let mut answer = of_type("text/plain; charset=utf-8", text.to_owned());
    *answer.status_mut() = status;
    answer
}

/// The answer before the node has started, and when it is gone.
pub(crate) fn no_node() -> Response<Body> {
    text(StatusCode::SERVICE_UNAVAILABLE, "the node does not run")
}
