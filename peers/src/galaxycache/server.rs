use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Response, StatusCode};

use super::wire;
use crate::http::server::InboundRequest;
use crate::http::{Body, failure};
use crate::{Error, GetMode, Reply, WallClock};

/// Answers a GET, whose path says how far it may go.
pub(crate) async fn answer(request: InboundRequest<'_>, mode: GetMode) -> Response<Body> {
    let address = match request.address_in_parts(status) {
        Ok(address) => address,
        Err(refusal) => return *refusal,
    };
    let (mut response, found) = match request.get(&address, mode).await {
        Ok(reply) => (value(reply, &request.options.wall_clock), true),
        Err(error) if error.is_no_such_group() => {
            let text = format!("no such galaxy: {}", address.group);
            (failure::saying(status(&error), &error, &text), false)
        }
        Err(error) => (failure::answer(status(&error), &error), true),
    };
    wire::set_found(response.headers_mut(), found);
    response
}

fn value(reply: Reply, clock: &WallClock) -> Response<Body> {
    let mut response = Response::new(Body::from(reply.value.into_bytes()));
    let headers = response.headers_mut();
    let bytes = HeaderValue::from_static(wire::CONTENT_TYPE);
    headers.insert(CONTENT_TYPE, bytes);
    if let Some(expiry) = reply.expiry {
        wire::set_expiry(headers, expiry.moment(clock));
    }
    response
}

fn status(error: &Error) -> StatusCode {
    if error.is_not_found() {
        StatusCode::NOT_FOUND
    } else {
        failure::status(error)
    }
}
