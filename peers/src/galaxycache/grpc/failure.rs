//! Errors as statuses.
//!
//! | error | status | what a Go caller makes of it |
//! |---|---|---|
//! | not found | 5 `NOT_FOUND` | final |
//! | the getter failed | 2 `UNKNOWN` | loads the value itself, as after all that follow |
//! | no such group | 3 `INVALID_ARGUMENT` | |
//! | timed out | 4 `DEADLINE_EXCEEDED` | |
//! | overloaded | 8 `RESOURCE_EXHAUSTED` | |
//! | too large | 11 `OUT_OF_RANGE` | |
//! | HTTP's 401, 403, of a hook | 16 `UNAUTHENTICATED`, 7 `PERMISSION_DENIED` | |
//! | any other | 2 `UNKNOWN` | |
//!
//! Ours carries the name of its error in the metadata, as over HTTP, and our caller makes the typed
//! error of it that the peer had. Without a name, 5, 3, 4 and 11 mean the same, 13 `INTERNAL` is a
//! peer that broke the protocol, 14 `UNAVAILABLE` is a gateway that could not reach the peer, and
//! everything else, a Go getter's error included, is no answer: the caller goes elsewhere or loads
//! the value, as a Go node does.

use std::error::Error as _;

use http::{HeaderMap, HeaderValue};
use tonic::metadata::MetadataMap;
use tonic::{Code, Status};

use crate::http::client::refusal;
use crate::http::failure::{ERROR, name, named};
use crate::{Error, HttpOptions};

/// How much of an error's text is sent: it is a header, and those have to fit into a head.
const MAX_MESSAGE_BYTES: usize = 8 << 10;

/// What says `error` to a peer.
pub(super) fn status(error: &Error) -> Status {
    let code = if error.is_not_found() {
        Code::NotFound
    } else if error.is_no_such_group() {
        Code::InvalidArgument
    } else if error.is_timeout() {
        Code::DeadlineExceeded
    } else if error.is_overloaded() {
        Code::ResourceExhausted
    } else if error.is_too_large() {
        Code::OutOfRange
    } else {
        match error.http_status() {
            Some(401) => Code::Unauthenticated,
            Some(403) => Code::PermissionDenied,
            _ => Code::Unknown,
        }
    };
    let message = error.message_for_peer();
    let message = shortened(&message);
    let mut headers = HeaderMap::new();
    if let Some(name) = name(error) {
        headers.insert(ERROR, HeaderValue::from_static(name));
    }
    Status::with_metadata(code, message, MetadataMap::from_headers(headers))
}

/// The start of a message that fits into a head, cut between two characters.
fn shortened(message: &str) -> &str {
    let mut length = message.len().min(MAX_MESSAGE_BYTES);
    while !message.is_char_boundary(length) {
        length -= 1;
    }
    &message[..length]
}

/// Whether the status was not sent by the peer, but stands for a connection that broke.
pub(super) fn is_broken(status: &Status) -> bool {
    status.source().is_some()
}

/// The error that `url`'s answer to a request about `group` says.
pub(super) fn error(status: Status, url: &str, group: &str, options: &HttpOptions) -> Error {
    if is_broken(&status) {
        if let Some(why) = refusal(&status) {
            return Error::denied_in_handshake(url, why);
        }
        return Error::disconnected(url, status);
    }
    let message = status.message();
    let typed = status
        .metadata()
        .get(ERROR.as_str())
        .and_then(|name| name.to_str().ok())
        .and_then(|name| named(name, message, group));
    typed.unwrap_or_else(|| match status.code() {
        Code::NotFound => Error::not_found(message),
        Code::InvalidArgument => Error::no_such_group(group),
        Code::DeadlineExceeded => {
            Error::timed_out("an exchange with a peer", options.request_timeout)
        }
        Code::OutOfRange => Error::too_large_for_peer(message),
        Code::Unauthenticated | Code::PermissionDenied => Error::denied(url, "a call", message),
        Code::Unavailable => Error::unreachable(url, format!("gRPC status 14: {message}")),
        Code::Internal => Error::malformed(format!("the answer of {url}: {message}")),
        code => Error::grpc_status(code.into(), message),
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn received(sent: &Status) -> Error {
        let head = Status::clone(sent).into_http::<()>();
        let status = Status::from_header_map(head.headers()).unwrap();
        error(status, "http://a", "thumbnails", &HttpOptions::default())
    }

    #[test]
    fn the_caller_gets_the_error_that_the_peer_had() {
        for sent in [
            Error::not_found(""),
            Error::not_found("no such cat"),
            Error::getter("the database\nis away: ключ %"),
            Error::getter(""),
            Error::overloaded("loads"),
            Error::too_large("a value", 11, 10),
            Error::no_such_group("thumbnails"),
        ] {
            let received = received(&status(&sent));
            assert_eq!(received.to_string(), sent.to_string());
            assert_eq!(name(&received), name(&sent));
        }
        let sent = Error::timed_out("a load", Duration::from_secs(1));
        assert!(received(&status(&sent)).is_timeout());
    }

    #[test]
    fn go_statuses_mean_what_they_mean_to_go() {
        let bare = |code| received(&Status::new(code, "words"));
        assert_eq!(bare(Code::NotFound).answer_message(), Some("words"));
        assert!(bare(Code::InvalidArgument).is_no_such_group());
        assert!(bare(Code::Unavailable).is_transport());
        for code in [Code::Unknown, Code::ResourceExhausted] {
            let error = bare(code);
            assert!(!error.is_answer() && !error.is_transport());
            let expected = format!("gRPC status {}: words", i32::from(code));
            assert_eq!(error.to_string(), expected);
        }
    }

    #[test]
    fn a_long_message_is_cut_between_characters() {
        let long = "x".to_owned() + &"ключ".repeat(MAX_MESSAGE_BYTES);
        let received = received(&status(&Error::getter(&*long)));
        let message = received.answer_message().unwrap();
        assert!(long.starts_with(message));
        assert!((MAX_MESSAGE_BYTES - 3..=MAX_MESSAGE_BYTES).contains(&message.len()));
    }
}
