use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Method, Response, StatusCode};

use super::wire;
use crate::GetMode;
use crate::http::Body;
use crate::http::failure::{self, status};
use crate::http::path::{self, Plus};
use crate::http::server::InboundRequest;

/// Answers a GET, a DELETE or a POST.
pub(crate) async fn answer(request: InboundRequest<'_>) -> Response<Body> {
    if is_health_check(request.target) {
        return carrying("text/plain; charset=utf-8", "ok".into());
    }
    let address = match request.address(Plus::Plus, status) {
        Ok(address) => address,
        Err(refusal) => return *refusal,
    };
    if wire::unsayable(&address.key).is_some() {
        return failure::text(StatusCode::BAD_REQUEST, "bad request");
    }
    let answered = match *request.method {
        Method::DELETE => request
            .remove(&address.group, &[&address.key], None)
            .await
            .map(|()| Response::default()),
        Method::POST => request
            .get(&address, GetMode::WarmUp)
            .await
            .map(|_| Response::default()),
        _ => request.get(&address, GetMode::Load).await.map(|reply| {
            let value = Body::from(reply.value.into_bytes());
            carrying("application/octet-stream", value)
        }),
    };
    answered.unwrap_or_else(|error| failure::answer(status(&error), &error))
}

/// Whether the last segment of a target asks for the node's health.
pub(crate) fn is_health_check(target: &str) -> bool {
    let path = path::unescape(target, Plus::Plus);
    path.is_ok_and(|path| path.rsplit(|&byte| byte == b'/').next() == Some(wire::HEALTH))
}

fn carrying(content_type: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    let content_type = HeaderValue::from_static(content_type);
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}
