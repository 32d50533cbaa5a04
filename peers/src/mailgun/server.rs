use http::{Method, Response, StatusCode};

use super::wire;
use crate::golang::wire::Extras;
use crate::http::path::Plus;
use crate::http::question::Question;
use crate::http::{Body, failure};
use crate::{Error, golang};

/// Answers a GET, a PUT or a DELETE. Of a PUT the body names the key, and the path the group.
pub(crate) async fn answer(question: Question<'_>) -> Response<Body> {
    let address = match question.address(Plus::Plus, status) {
        Ok(address) => address,
        Err(refusal) => return *refusal,
    };
    let group = &*address.group;
    let changed = match *question.method {
        Method::PUT => match wire::decode(question.body.clone()) {
            Ok(set) => question.set(set.as_request(group)).await,
            Err(error) => Err(error),
        },
        Method::DELETE => question.remove(group, &[&address.key]).await,
        _ => match question.get(&address, question.mode).await {
            Ok(reply) => {
                let expire = reply.expires_at.map_or(0, golang::wire::nanos_since_1970);
                let extras = Extras {
                    expire: Some(expire),
                    log: None,
                };
                return golang::value(reply, extras);
            }
            Err(error) => Err(error),
        },
    };
    match changed {
        Ok(()) => Response::default(),
        Err(error) => failure::answer(status(&error), &error),
    }
}

/// Only what is final for the caller is a 404 or a 503.
pub(crate) fn status(error: &Error) -> StatusCode {
    if error.is_not_found() {
        StatusCode::NOT_FOUND
    } else if error.is_getter() {
        StatusCode::SERVICE_UNAVAILABLE
    } else if error.is_no_such_group() {
        StatusCode::INTERNAL_SERVER_ERROR
    } else {
        golang::status(error)
    }
}
