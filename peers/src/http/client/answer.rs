use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use tokio::time::Instant;

use crate::Error;

/// The answer of a peer. The body is whole, unless it is the long text of an error.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// When the request was sent, or a moment before.
    pub(crate) asked: Instant,
}

impl Answer {
    /// Refuses a value that is not of the type that peers of this protocol send: another server has
    /// answered in the peer's place.
    pub(crate) fn check_type(&self, expected: &str) -> Result<(), Error> {
        let found = self.headers.get(CONTENT_TYPE);
        if found.is_some_and(|found| found == expected) {
            return Ok(());
        }
        let what = format!("an answer of the type {found:?} and not {expected:?}");
        Err(Error::malformed(what))
    }

    /// Refuses a body where peers send none.
    pub(crate) fn check_empty(&self) -> Result<(), Error> {
        if self.body.is_empty() {
            Ok(())
        } else {
            Err(Error::malformed(
                "an answer with a body, where peers send none",
            ))
        }
    }
}
