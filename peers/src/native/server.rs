use bytes::Bytes;
use http::{Method, Response, StatusCode};

use super::headers;
use super::wire::{
    CHANGES, CLEAR, GET_MANY, REMOVE_KEYS, changes_request, changes_response, get_many_request,
    get_many_response, get_response, remove_keys,
};
use crate::http::Body;
use crate::http::failure::{self, status};
use crate::http::path::{self, Plus};
use crate::http::server::{Address, InboundRequest};
use crate::protobuf::{self, set_request};
use crate::{ChangesRequest, Error, GetManyReply, GetManyRequest, GetMode, SetRequest};

/// Answers a request of another node of this implementation.
pub(crate) async fn answer(request: InboundRequest<'_>) -> Response<Body> {
    let address = match *request.method {
        Method::POST => request.operation(Plus::Plus, status),
        _ => request.address(Plus::Plus, status),
    };
    let address = match address {
        Ok(address) => address,
        Err(refusal) => return *refusal,
    };
    if *request.method == Method::GET {
        let mode = headers::mode(request.headers);
        return match request.get(&address, mode).await {
            Ok(_) if mode == GetMode::WarmUp => Response::default(),
            Ok(reply) => protobuf::response(get_response::encode(reply)),
            Err(error) => failure::answer(status(&error), &error),
        };
    }
    if *request.method == Method::POST && *address.key == *GET_MANY.as_bytes() {
        return match Box::pin(get_many(request, &address.group)).await {
            Ok(reply) => protobuf::response(Body::from(reply)),
            Err(error) => failure::answer(status(&error), &error),
        };
    }
    match Box::pin(operation(request, &address)).await {
        Ok(answer) => Response::new(answer),
        Err(error) => failure::answer(status(&error), &error),
    }
}

/// Whether a POST to this target gets several keys and does nothing else.
pub(crate) fn is_get_many(target: &str) -> bool {
    let Ok(path) = path::unescape(target, Plus::Plus) else {
        return false;
    };
    path::split(&path).is_some_and(|(_, operation)| *operation == *GET_MANY.as_bytes())
}

/// The values of several keys. An answer that is too long leaves some out.
async fn get_many(request: InboundRequest<'_>, group: &str) -> Result<Bytes, Error> {
    let (mode, keys) = get_many_request::decode(request.body.clone())?;
    let keys: Vec<&[u8]> = keys.iter().map(|key| &**key).collect();
    let asked = GetManyRequest {
        group,
        keys: &keys,
        mode,
    };
    let reply = request.get_many(asked).await?;
    let limit = GetManyReply::MAX_BYTES.min(request.options.max_body_bytes());
    Ok(get_many_response::encode(&reply, limit))
}

/// Any request but one for values, and the body of its answer.
async fn operation(request: InboundRequest<'_>, address: &Address<'_>) -> Result<Body, Error> {
    let (group, key) = (&*address.group, &*address.key);
    if *request.method == Method::POST && *key == *CHANGES.as_bytes() {
        let since = changes_request::decode(&request.body)?;
        let since = ChangesRequest { group, since };
        let changes = request.service.changes(since).await?;
        return Ok(Body::from(changes_response::encode(&changes)));
    }
    change(request, group, key).await.map(|()| Body::default())
}

async fn change(request: InboundRequest<'_>, group: &str, key: &[u8]) -> Result<(), Error> {
    let phase = headers::phase(request.headers);
    match (request.method, key) {
        (&Method::PUT, _) => {
            let set = set_request::decode(request.body.clone())?;
            if !set.is_about(group, key) {
                let text = "bad request: the path and the body name different keys";
                return Err(Error::status(StatusCode::BAD_REQUEST.as_u16(), text));
            }
            let set = SetRequest {
                phase,
                ..set.as_request(group)
            };
            request.set(set).await
        }
        (&Method::DELETE, _) => request.remove(group, &[key], phase).await,
        (_, key) if *key == *REMOVE_KEYS.as_bytes() => {
            let keys = remove_keys::decode(request.body.clone())?;
            let keys: Vec<&[u8]> = keys.iter().map(|key| &**key).collect();
            request.remove(group, &keys, phase).await
        }
        (_, key) if *key == *CLEAR.as_bytes() => request.service.clear(group, phase).await,
        _ => Err(Error::status(
            StatusCode::NOT_FOUND.as_u16(),
            "invalid path for POST method",
        )),
    }
}
