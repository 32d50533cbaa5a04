use http::{Method, Response, StatusCode};

use super::wire::{self, REMOVE_KEYS};
use crate::http::path::Plus;
use crate::http::server::InboundRequest;
use crate::http::{Body, failure};
use crate::protobuf::server::{self, status};

/// Answers as mailgun's server does, and a POST that removes several keys.
pub(crate) async fn answer(request: InboundRequest<'_>) -> Response<Body> {
    if *request.method != Method::POST {
        return server::answer(request).await;
    }
    let address = match request.operation(Plus::Plus, status) {
        Ok(address) => address,
        Err(refusal) => return *refusal,
    };
    if *address.key != *REMOVE_KEYS.as_bytes() {
        return failure::text(StatusCode::NOT_FOUND, "invalid path for POST method");
    }
    let removed = match wire::decode(&request.body) {
        Ok(keys) => {
            let keys: Vec<&[u8]> = keys.iter().map(|key| key.as_bytes()).collect();
            request.remove(&address.group, &keys, None).await
        }
        Err(error) => Err(error),
    };
    match removed {
        Ok(()) => Response::default(),
        Err(error) => failure::answer(status(&error), &error),
    }
}
