//! The pages beside the protocols.

use std::panic::{AssertUnwindSafe, catch_unwind as catch};
use std::sync::Arc;

use http::header::{CONTENT_LENGTH, HeaderValue};
use http::request::Parts;
use http::{Method, Response, StatusCode};
use http_body::Body as _;

use super::service::{Inner, method_not_allowed};
use crate::http::server::catch_unwind;
use crate::http::{Body, Page, failure};

impl Inner {
    /// Answers a request that has the credentials that the page needs.
    pub(super) async fn answer_page(&self, page: &Page, head: Parts) -> Response<Body> {
        let has_no_body = match head.method {
            Method::GET => false,
            Method::HEAD => true,
            _ => return method_not_allowed("GET, HEAD"),
        };
        let Ok(permit) = Arc::clone(&self.page_requests).try_acquire_owned() else {
            let text = "too many pages at once";
            return failure::text(StatusCode::SERVICE_UNAVAILABLE, text);
        };
        let end = self.page_streams.watch();
        // A page may panic before it returns its future, too.
        let answer = match catch(AssertUnwindSafe(|| page.answer(head))) {
            Ok(answer) => catch_unwind::catch(answer).await,
            Err(panic) => Err(panic),
        };
        match answer {
            Ok(answer) if has_no_body => without_body(answer),
            Ok(answer) if answer.body().is_stream() => self.page_streams.admit(answer, end),
            // It takes memory until its last byte is sent, and its reader may be slow.
            Ok(answer) => answer.map(|body| body.holding(permit)),
            Err(_) => {
                tracing::error!(page = page.path(), "a page panicked");
                failure::text(StatusCode::INTERNAL_SERVER_ERROR, "internal error")
            }
        }
    }
}

/// The answer to `HEAD`: it says how long the body would have been, if that is known.
fn without_body(mut answer: Response<Body>) -> Response<Body> {
    if let Some(length) = answer.body().size_hint().exact() {
        let length = HeaderValue::from(length);
        answer.headers_mut().insert(CONTENT_LENGTH, length);
    }
    *answer.body_mut() = Body::default();
    answer
}
