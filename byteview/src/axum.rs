use axum_core::response::{IntoResponse, Response};

use crate::ByteView;

/// Responds with the bytes as the body, without copying them, and with the content type
/// `application/octet-stream`.
///
/// A handler that knows a better type returns a tuple of a `content-type` header and the view.
impl IntoResponse for ByteView {
    fn into_response(self) -> Response {
        self.into_bytes().into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_view_is_a_body_of_bytes_and_its_type_can_be_replaced() {
        let view = ByteView::from("meow");
        let response = view.clone().into_response();
        assert_eq!(
            response.headers()["content-type"],
            "application/octet-stream"
        );
        let response = ([("content-type", "text/plain")], view).into_response();
        assert_eq!(response.headers()["content-type"], "text/plain");
        assert_eq!(response.status(), 200);
    }
}
