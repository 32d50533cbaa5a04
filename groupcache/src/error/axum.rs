//! The feature `axum`: errors as responses.

use axum_core::response::{IntoResponse, Response};

use super::error::Error;

/// The status of the error's [kind](Error::kind), which is also the body, as text.
///
/// | kind | status |
/// |---|---|
/// | `NotFound` | 404 |
/// | `KeyTooLarge` | 414 |
/// | `ValueTooLarge` | 413 |
/// | `OutOfRange` | 416 |
/// | `Unsupported` | 501 |
/// | `Overloaded`, `ObjectChanged` | 503 |
/// | `TimedOut` | 504 |
/// | all others | 502 |
///
/// The error's own text stays out of the response, because the getter's message in it may not be meant
/// for the user. Log the error before you return it.
///
/// ```
/// use axum::Router;
/// use axum::extract::{Path, State};
/// use axum::routing::get;
/// use groupcache::{ByteView, Error, Group};
///
/// async fn thumbnail(State(group): State<Group>, Path(name): Path<String>) -> Result<ByteView, Error> {
///     group.get(name).await
/// }
///
/// fn app(group: Group) -> Router {
///     Router::new().route("/thumbnails/{name}", get(thumbnail)).with_state(group)
/// }
/// # let _ = app;
/// ```
impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let kind = self.kind();
        (kind.status(), kind.as_str()).into_response()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http_body_util::BodyExt;

    use super::*;
    use crate::NotFound;

    #[tokio::test]
    async fn an_error_is_a_status_and_keeps_the_getters_message_to_itself() {
        let unsupported = peers::Error::unsupported("clear a group", "golang");
        for (error, status, text) in [
            (Error::from_getter(NotFound.into()), 404, "not found"),
            (
                Error::from_getter("bad password".into()),
                502,
                "getter failed",
            ),
            (Error::key_too_large(2, 1), 414, "key too large"),
            (
                Error::value_too_large("a value", 2, 1),
                413,
                "value too large",
            ),
            (unsupported.into(), 501, "not supported by the protocol"),
            (Error::overloaded("loads"), 503, "overloaded"),
            (Error::timed_out("a get", Duration::ZERO), 504, "timed out"),
            (Error::abandoned(), 502, "given up"),
        ] {
            let response = error.into_response();
            assert_eq!(response.status(), status, "{text}");
            let body = response.into_body().collect().await.unwrap().to_bytes();
            assert_eq!(body, text);
        }
    }
}
