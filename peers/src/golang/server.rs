use http::Response;

use super::wire;
use crate::GetMode;
use crate::http::path::Plus;
use crate::http::server::InboundRequest;
use crate::http::{Body, failure};
use crate::protobuf;

/// Answers a GET.
pub(crate) async fn answer(request: InboundRequest<'_>) -> Response<Body> {
    // golang's clients escape as for a query, where a plus stands for a space.
    let address = match request.address(Plus::Space, failure::status) {
        Ok(address) => address,
        Err(refusal) => return *refusal,
    };
    match request.get(&address, GetMode::Load).await {
        Ok(reply) => protobuf::response(wire::encode(reply)),
        Err(error) => failure::answer(failure::status(&error), &error),
    }
}
