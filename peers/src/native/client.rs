use bytes::Bytes;
use http::{HeaderValue, Method, StatusCode};

use super::wire;
use crate::golang::wire as reply;
use crate::http::caller::Caller;
use crate::http::phase::{self, PHASE};
use crate::http::question::{CHANGES, CLEAR, MAX_KEYS_BYTES, REMOVE_KEYS};
use crate::http::{Body, MODE, PEEK, WARM_UP, failure};
use crate::mailgun::wire as set;
use crate::{
    BoxFuture, Changes, ChangesRequest, Error, GetMode, GetRequest, PeerClient, Phase,
    RemoveRequest, Reply, SetRequest,
};

/// Asks one peer.
#[derive(Debug)]
pub(crate) struct NativeClient {
    caller: Caller,
}

impl NativeClient {
    pub(crate) fn new(caller: Caller) -> Self {
        Self { caller }
    }

    fn target(&self, group: &str, key: &[u8]) -> String {
        let base = &self.caller.options().base_path;
        self.caller.target(base, group, key)
    }

    fn group_target(&self, group: &str, operation: &str) -> String {
        let base = &self.caller.options().base_path;
        self.caller.group_target(base, group, operation)
    }

    /// An operation that is answered with nothing.
    async fn tell(
        &self,
        method: Method,
        group: &str,
        target: impl Fn() -> String,
        body: impl Fn() -> Body,
        phase: Phase,
    ) -> Result<(), Error> {
        let phase = phase::write(phase);
        let answer = self
            .caller
            .send(|request| {
                *request.method_mut() = method.clone();
                *request.body_mut() = body();
                if let Some(phase) = &phase {
                    request.headers_mut().insert(PHASE, phase.clone());
                }
                target()
            })
            .await?;
        match answer.status {
            StatusCode::OK => Ok(()),
            _ => Err(failure::error(&answer, group)),
        }
    }
}

impl PeerClient for NativeClient {
    fn ping(&self) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(self.caller.ping())
    }

    fn get<'a>(&'a self, request: GetRequest<'a>) -> BoxFuture<'a, Result<Reply, Error>> {
        Box::pin(async move {
            self.caller.check_key(request.key)?;
            let mode = match request.mode {
                GetMode::Load => None,
                GetMode::Peek => Some(PEEK),
                GetMode::WarmUp => Some(WARM_UP),
            };
            let answer = self
                .caller
                .send(|get| {
                    if let Some(mode) = mode {
                        get.headers_mut()
                            .insert(MODE, HeaderValue::from_static(mode));
                    }
                    self.target(request.group, request.key)
                })
                .await?;
            match answer.status {
                StatusCode::OK => reply::decode(answer.body),
                _ => Err(failure::error(&answer, request.group)),
            }
        })
    }

    fn set<'a>(&'a self, request: SetRequest<'a>) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            self.caller.check_key(request.key)?;
            self.caller.check_value(&request.value)?;
            let (group, key) = (request.group, request.key);
            let body = || set::encode(&request);
            let (target, phase) = (|| self.target(group, key), request.phase);
            self.tell(Method::PUT, group, target, body, phase).await
        })
    }

    /// One key by a DELETE; several in one request, or a few if they are very many.
    fn remove<'a>(&'a self, request: RemoveRequest<'a>) -> BoxFuture<'a, Result<(), Error>> {
        let RemoveRequest { group, keys, phase } = request;
        Box::pin(async move {
            for &key in keys {
                self.caller.check_key(key)?;
            }
            if let &[key] = keys {
                let target = || self.target(group, key);
                return self
                    .tell(Method::DELETE, group, target, Body::default, phase)
                    .await;
            }
            let target = || self.group_target(group, REMOVE_KEYS);
            let mut rest = keys;
            while !rest.is_empty() {
                let (batch, message) = wire::encode(group, rest, MAX_KEYS_BYTES);
                let message = Bytes::from(message);
                let body = || Body::from(message.clone());
                rest = &rest[batch..];
                // The peer has been told all only with the last of the requests.
                let phase = match phase {
                    Phase::Last(_) if !rest.is_empty() => Phase::Only,
                    phase => phase,
                };
                self.tell(Method::POST, group, target, body, phase).await?;
            }
            Ok(())
        })
    }

    fn clear<'a>(&'a self, group: &'a str, phase: Phase) -> BoxFuture<'a, Result<(), Error>> {
        let target = move || self.group_target(group, CLEAR);
        Box::pin(self.tell(Method::POST, group, target, Body::default, phase))
    }

    fn changes<'a>(&'a self, request: ChangesRequest<'a>) -> BoxFuture<'a, Result<Changes, Error>> {
        Box::pin(async move {
            let message = Bytes::from(wire::encode_since(request.since));
            let answer = self
                .caller
                .send(|post| {
                    *post.method_mut() = Method::POST;
                    *post.body_mut() = Body::from(message.clone());
                    self.group_target(request.group, CHANGES)
                })
                .await?;
            match answer.status {
                StatusCode::OK => wire::decode_changes(answer.body),
                _ => Err(failure::error(&answer, request.group)),
            }
        })
    }
}
