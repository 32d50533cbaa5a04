//! Errors in HTTP answers.
//!
//! The statuses are the protocol's and tell a Go caller whether to fall back. They are too few to
//! tell "not found" from "the getter failed", so every error answer of ours also carries a header
//! `x-groupcache-error` with one of the names below, and the message as its body. Callers of other
//! implementations ignore the header; ours makes the typed error of it that the peer had.

use std::borrow::Cow;

use http::header::{CONTENT_TYPE, HeaderName, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderMap, Response, StatusCode};

use super::Body;
use super::client::Answer;
use crate::Error;

pub(crate) const ERROR: HeaderName = HeaderName::from_static("x-groupcache-error");

pub(crate) const NOT_FOUND: &str = "not-found";
pub(crate) const GETTER: &str = "getter";
pub(crate) const OVERLOADED: &str = "overloaded";
pub(crate) const NO_SUCH_GROUP: &str = "no-such-group";
pub(crate) const TOO_LARGE: &str = "too-large";
pub(crate) const TIMED_OUT: &str = "timed-out";
pub(crate) const UNSUPPORTED: &str = "unsupported";
pub(crate) const MISDIRECTED: &str = "misdirected";
/// The request lacks the credentials that the node asks for. The status says the rest.
pub(crate) const DENIED: &str = "denied";

/// What stands in the body where "not found" has no message of its own.
const NO_MESSAGE: &str = "not found";

/// An answer of plain text, ended by a newline.
pub(crate) fn text(status: StatusCode, text: &str) -> Response<Body> {
    let mut response = Response::new(Body::from(format!("{text}\n")));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// golang's status for an error, with which most protocols begin: "not found" and a getter's error
/// have the same 500. All of these make a Go caller load the value itself.
pub(crate) fn status(error: &Error) -> StatusCode {
    if error.is_no_such_group() {
        StatusCode::NOT_FOUND
    } else if error.is_overloaded() {
        StatusCode::TOO_MANY_REQUESTS
    } else if error.is_timeout() {
        StatusCode::GATEWAY_TIMEOUT
    } else if error.is_unsupported() {
        StatusCode::NOT_IMPLEMENTED
    } else if error.is_misdirected() {
        StatusCode::MISDIRECTED_REQUEST
    } else {
        error
            .http_status()
            .and_then(|status| StatusCode::from_u16(status).ok())
            .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

/// The answer that says `error`, with the protocol's status for it.
pub(crate) fn answer(status: StatusCode, error: &Error) -> Response<Body> {
    let message = match error.message_for_peer() {
        message if message.is_empty() && error.is_not_found() => NO_MESSAGE.into(),
        message => message,
    };
    saying(status, error, &message)
}

/// The same in other words.
pub(crate) fn saying(status: StatusCode, error: &Error, message: &str) -> Response<Body> {
    let mut response = text(status, message);
    if let Some(name) = name(error) {
        response
            .headers_mut()
            .insert(ERROR, HeaderValue::from_static(name));
    }
    response
}

/// What the error is called between nodes of ours.
pub(crate) fn name(error: &Error) -> Option<&'static str> {
    [
        (error.is_not_found(), NOT_FOUND),
        (error.is_getter(), GETTER),
        (error.is_overloaded(), OVERLOADED),
        (error.is_too_large(), TOO_LARGE),
        (error.is_no_such_group(), NO_SUCH_GROUP),
        (error.is_timeout(), TIMED_OUT),
        (error.is_unsupported(), UNSUPPORTED),
        (error.is_misdirected(), MISDIRECTED),
    ]
    .into_iter()
    .find_map(|(is, name)| is.then_some(name))
}

/// Whether an answer says which error it is, as ours do.
pub(crate) fn is_named(headers: &HeaderMap) -> bool {
    headers.contains_key(ERROR)
}

/// Whether a peer of ours refuses this node for want of credentials. A hook or a gateway may refuse one request
/// and admit the next.
pub(crate) fn is_denial(headers: &HeaderMap) -> bool {
    headers.get(ERROR).is_some_and(|name| name == DENIED)
}

/// Whether an error has what every error of a peer has: ours a name, Go's a header against sniffing.
pub(crate) fn is_peers(headers: &HeaderMap) -> bool {
    is_named(headers) || headers.contains_key(X_CONTENT_TYPE_OPTIONS)
}

/// The text of an error's body, without the newline that ends it.
pub(crate) fn message(body: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(body.strip_suffix(b"\n").unwrap_or(body))
}

/// The error that an answer to a request about `group` says. Without our header it is the bare
/// status, after which the caller asks somebody else.
pub(crate) fn error(answer: &Answer, group: &str) -> Error {
    let text = message(&answer.body);
    let name = answer
        .headers
        .get(ERROR)
        .and_then(|name| name.to_str().ok())
        .unwrap_or_default();
    named(name, &text, group).unwrap_or_else(|| Error::status(answer.status.as_u16(), text))
}

/// The error of this name, about `group`; `None` if no error is called so.
pub(crate) fn named(name: &str, text: &str, group: &str) -> Option<Error> {
    Some(match name {
        NOT_FOUND if text == NO_MESSAGE => Error::not_found(""),
        NOT_FOUND => Error::not_found(text),
        GETTER => Error::getter(text),
        OVERLOADED => Error::overloaded(text),
        TOO_LARGE => Error::too_large_for_peer(text),
        NO_SUCH_GROUP => Error::no_such_group(group),
        TIMED_OUT => Error::peer_timed_out(text),
        UNSUPPORTED => Error::unsupported_by_peer(text),
        MISDIRECTED => Error::misdirected(text),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;
    use tokio::time::Instant;

    use super::*;

    async fn there_and_back(sent: &Error) -> Error {
        let (head, body) = answer(StatusCode::INTERNAL_SERVER_ERROR, sent).into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        assert!(body.ends_with(b"\n"));
        let answer = Answer {
            status: head.status,
            headers: head.headers,
            body,
            asked: Instant::now(),
        };
        error(&answer, "thumbnails")
    }

    #[tokio::test]
    async fn the_caller_gets_the_error_that_the_peer_had() {
        for sent in [
            Error::not_found(""),
            Error::not_found("no such cat"),
            Error::getter("the database is away\n"),
            Error::getter(""),
            Error::overloaded("loads"),
            Error::too_large("a value", 11, 10),
            Error::no_such_group("thumbnails"),
            Error::peer_timed_out("the getter took longer than 30s"),
            Error::unsupported("peek", "golang"),
            Error::misdirected("pod-2 is meant"),
        ] {
            let received = there_and_back(&sent).await;
            assert_eq!(received.to_string(), sent.to_string());
            assert_eq!(name(&received), name(&sent));
            assert_eq!(received.is_answer(), sent.is_answer());
        }
    }

    #[tokio::test]
    async fn an_error_without_a_name_is_a_bare_status() {
        let received = there_and_back(&Error::malformed("reply")).await;
        assert_eq!(received.to_string(), "HTTP status 500: malformed: reply");
        assert!(!received.is_answer() && !received.is_transport());
    }

    #[test]
    fn an_unknown_name_or_a_broken_text_is_a_bare_status() {
        for name in ["mood", "", "Getter", "\t"] {
            let mut answer = Answer {
                status: StatusCode::BAD_GATEWAY,
                headers: HeaderMap::new(),
                body: b"\xffno".as_slice().into(),
                asked: Instant::now(),
            };
            let name = HeaderValue::from_bytes(name.as_bytes()).unwrap();
            answer.headers.insert(ERROR, name);
            let error = error(&answer, "g");
            assert_eq!(error.to_string(), "HTTP status 502: \u{fffd}no");
        }
    }
}
