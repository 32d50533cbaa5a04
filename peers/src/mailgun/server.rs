use http::Response;

use crate::http::Body;
use crate::http::server::InboundRequest;
use crate::protobuf;

/// Answers a GET, a PUT or a DELETE.
pub(crate) async fn answer(request: InboundRequest<'_>) -> Response<Body> {
    protobuf::server::answer(request).await
}
