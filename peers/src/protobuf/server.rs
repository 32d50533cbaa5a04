//! The server side of mailgun's protocol and groupcache-go's.

use http::{Method, Response, StatusCode};

use super::time::nanos_since_1970;
use super::{get_response, response, set_request};
use crate::Error;
use crate::GetMode;
use crate::http::path::Plus;
use crate::http::server::InboundRequest;
use crate::http::{Body, failure};

/// Answers a GET, a PUT or a DELETE. The path names the group and the key; the key of a PUT is the one in
/// its body.
pub(crate) async fn answer(request: InboundRequest<'_>) -> Response<Body> {
    let address = match request.address(Plus::Plus, status) {
        Ok(address) => address,
        Err(refusal) => return *refusal,
    };
    let group = &*address.group;
    let changed = match *request.method {
        Method::PUT => match set_request::decode(request.body.clone()) {
            Ok(set) => request.set(set.as_request(group)).await,
            Err(error) => Err(error),
        },
        Method::DELETE => request.remove(group, &[&address.key], None).await,
        _ => match request.get(&address, GetMode::Load).await {
            Ok(reply) => {
                let moment = reply
                    .expiry
                    .map(|expiry| expiry.moment(&request.options.wall_clock));
                let expire = moment.map_or(0, nanos_since_1970);
                return response(get_response::encode(reply, Some(expire)));
            }
            Err(error) => Err(error),
        },
    };
    match changed {
        Ok(()) => Response::default(),
        Err(error) => failure::answer(status(&error), &error),
    }
}

/// The status of an error. A caller takes 404 and 503 for final; at any other it loads the value
/// itself.
pub(crate) fn status(error: &Error) -> StatusCode {
    if error.is_not_found() {
        StatusCode::NOT_FOUND
    } else if error.is_getter() {
        StatusCode::SERVICE_UNAVAILABLE
    } else if error.is_no_such_group() {
        StatusCode::INTERNAL_SERVER_ERROR
    } else {
        failure::status(error)
    }
}
