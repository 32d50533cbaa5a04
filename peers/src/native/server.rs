use http::{Method, Response, StatusCode};

use super::wire;
use crate::golang::wire::Extras;
use crate::golang::{self, status};
use crate::http::path::Plus;
use crate::http::question::{Address, CHANGES, CLEAR, Question, REMOVE_KEYS};
use crate::http::{Body, failure};
use crate::mailgun::wire as set;
use crate::{ChangesRequest, Error, GetMode, SetRequest};

/// Answers a request of a node of ours.
pub(crate) async fn answer(question: Question<'_>) -> Response<Body> {
    let address = match question.address(Plus::Plus, status) {
        Ok(address) => address,
        Err(refusal) => return *refusal,
    };
    match *question.method {
        Method::GET => match question.get(&address, question.mode).await {
            Ok(_) if question.mode == GetMode::WarmUp => Response::default(),
            Ok(reply) => {
                let extras = Extras {
                    expire: reply.expires_at.map(golang::wire::nanos_since_1970),
                    log: reply.log,
                };
                golang::value(reply, extras)
            }
            Err(error) => failure::answer(status(&error), &error),
        },
        _ => match Box::pin(operation(question, &address)).await {
            Ok(answer) => Response::new(answer),
            Err(error) => failure::answer(status(&error), &error),
        },
    }
}

/// Whatever is not about the value of a key, and the body of its answer.
async fn operation(question: Question<'_>, address: &Address<'_>) -> Result<Body, Error> {
    let (group, key) = (&*address.group, &*address.key);
    if *question.method == Method::POST && *key == *CHANGES.as_bytes() {
        let since = wire::decode_since(&question.body)?;
        let request = ChangesRequest { group, since };
        let changes = question.service.changes(request).await?;
        return Ok(Body::from(wire::encode_changes(&changes)));
    }
    change(question, group, key).await.map(|()| Body::default())
}

async fn change(question: Question<'_>, group: &str, key: &[u8]) -> Result<(), Error> {
    match (question.method, key) {
        (&Method::PUT, _) => {
            let request = set::decode(question.body.clone())?;
            if !request.is_about(group, key) {
                let text = "bad request: the path and the body name different keys";
                return Err(Error::status(StatusCode::BAD_REQUEST.as_u16(), text));
            }
            let phase = question.phase;
            let request = SetRequest {
                phase,
                ..request.as_request(group)
            };
            question.set(request).await
        }
        (&Method::DELETE, _) => question.remove(group, &[key]).await,
        (_, key) if *key == *REMOVE_KEYS.as_bytes() => {
            let keys = wire::decode(question.body.clone())?;
            let keys: Vec<&[u8]> = keys.iter().map(|key| &**key).collect();
            question.remove(group, &keys).await
        }
        (_, key) if *key == *CLEAR.as_bytes() => {
            question.service.clear(group, question.phase).await
        }
        _ => Err(Error::status(
            StatusCode::NOT_FOUND.as_u16(),
            "invalid path for POST method",
        )),
    }
}
