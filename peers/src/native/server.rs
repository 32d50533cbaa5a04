use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Method, Response, StatusCode};
use tokio::time::Instant;

use super::wire::{
    BYTES, CLEAR, GET_MANY, REMOVE_KEYS, get_many_request, get_many_response, get_response,
    knowledge, member_ids, offer, remove_keys,
};
use super::{NodeOperation, headers};
use crate::http::Body;
use crate::http::failure::{self, status};
use crate::http::path::{self, Plus};
use crate::http::server::InboundRequest;
use crate::protobuf::{self, set_request};
use crate::{Error, GetManyReply, GetManyRequest, GetMode, SetRequest};

/// Answers a request of another node of this implementation.
pub(crate) async fn answer(request: InboundRequest<'_>) -> Response<Body> {
    if *request.method == Method::POST
        && let Some(operation) = NodeOperation::at(request.target)
    {
        let answer = Box::pin(answer_of_node(operation, request)).await;
        return answer.unwrap_or_else(|error| failure::answer(status(&error), &error));
    }
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
        let known = match headers::known(request.headers) {
            Ok(known) => known,
            Err(error) => return failure::answer(status(&error), &error),
        };
        let begun = Instant::now();
        return match request.get_knowing(&address, mode, &known).await {
            Ok(_) if mode == GetMode::WarmUp => Response::default(),
            Ok(reply) => {
                let reply = reply.counted_from(begun, &request.options.wall_clock);
                protobuf::response(get_response::encode(reply))
            }
            Err(error) => failure::answer(status(&error), &error),
        };
    }
    if *request.method == Method::POST && *address.key == *GET_MANY.as_bytes() {
        return match Box::pin(get_many(request, &address.group)).await {
            Ok(reply) => protobuf::response(Body::from(reply)),
            Err(error) => failure::answer(status(&error), &error),
        };
    }
    match Box::pin(change(request, &address.group, &address.key)).await {
        Ok(()) => Response::default(),
        Err(error) => failure::answer(status(&error), &error),
    }
}

async fn answer_of_node(
    operation: NodeOperation,
    request: InboundRequest<'_>,
) -> Result<Response<Body>, Error> {
    match operation {
        NodeOperation::Sync => {
            let told = knowledge::decode(&request.body).map_err(bad)?;
            let known = request.service.sync(told).await?;
            let mut response = Response::new(Body::from(knowledge::encode(&known)?));
            let headers = response.headers_mut();
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(BYTES));
            Ok(response)
        }
        NodeOperation::Behind => {
            let members = member_ids::decode(&request.body).map_err(bad)?;
            request.service.note_behind(&members).await?;
            Ok(Response::default())
        }
        NodeOperation::Offer => {
            let offer = offer::decode(&request.body).map_err(bad)?;
            request.service.offer(offer.as_request()).await?;
            Ok(Response::default())
        }
    }
}

/// The error of a request whose message cannot be read.
fn bad(error: Error) -> Error {
    if error.is_malformed() {
        let text = format!("bad request: {error}");
        return Error::status(StatusCode::BAD_REQUEST.as_u16(), text);
    }
    error
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
    let asked = get_many_request::decode(&request.body)?;
    let asked = GetManyRequest {
        group,
        keys: &asked.keys,
        mode: asked.mode,
        known: &asked.known,
    };
    let begun = Instant::now();
    let reply = request.get_many(asked).await?;
    let reply = reply.counted_from(begun, &request.options.wall_clock);
    let limit = GetManyReply::MAX_BYTES.min(request.options.max_body_bytes());
    Ok(get_many_response::encode(&reply, limit))
}

/// A request that changes something.
async fn change(request: InboundRequest<'_>, group: &str, key: &[u8]) -> Result<(), Error> {
    let stamp = headers::stamp(request.headers)?;
    match (request.method, key) {
        (&Method::PUT, _) => {
            let set = set_request::decode(request.body.clone())?;
            if !set.is_about(group, key) {
                let text = "bad request: the path and the body name different keys";
                return Err(Error::status(StatusCode::BAD_REQUEST.as_u16(), text));
            }
            let known = headers::known(request.headers)?;
            let set = SetRequest {
                stamp,
                known: &known,
                expiry: set.life(),
                ..set.as_request(group)
            };
            request.set(set).await
        }
        (&Method::DELETE, _) => request.remove(group, &[key], stamp).await,
        (_, key) if *key == *REMOVE_KEYS.as_bytes() => {
            let keys = remove_keys::decode(request.body.clone())?;
            let keys: Vec<&[u8]> = keys.iter().map(|key| &**key).collect();
            request.remove(group, &keys, stamp).await
        }
        (_, key) if *key == *CLEAR.as_bytes() => request.service.clear(group, stamp).await,
        _ => Err(Error::status(
            StatusCode::NOT_FOUND.as_u16(),
            "invalid path for POST method",
        )),
    }
}
