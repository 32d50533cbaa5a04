use std::sync::Arc;

use bytes::Bytes;
use http::{Method, StatusCode};

use super::headers;
use super::stream::StreamForm;
use super::wire::{
    CHANGES, CLEAR, GET_MANY, REMOVE_KEYS, changes_request, changes_response, get_many_request,
    get_many_response, get_response, remove_keys,
};
use crate::http::client::{HttpClient, Lane};
use crate::http::{Body, BodyBudget, MAX_KEYS_BYTES, failure};
use crate::protobuf::{self, set_request};
use crate::{
    BoxFuture, Changes, ChangesRequest, Connections, Error, GetManyReply, GetManyRequest, GetMode,
    GetRequest, PeerClient, Phase, RemoveRequest, Reply, SetRequest,
};

/// Asks one peer.
#[derive(Debug)]
pub(crate) struct NativeClient {
    http: Arc<HttpClient>,
    /// The form of the protocol that is tried first, unless it is switched off.
    stream: Option<StreamForm>,
}

impl NativeClient {
    /// `bodies` is shared by the clients of a transport.
    pub(crate) fn new(http: HttpClient, bodies: Arc<BodyBudget>) -> Self {
        let http = Arc::new(http);
        let multiplexing = http.options().multiplexing;
        Self {
            stream: multiplexing.then(|| StreamForm::new(Arc::clone(&http), bodies)),
            http,
        }
    }

    fn target(&self, group: &str, key: &[u8]) -> String {
        let base = &self.http.options().base_path;
        self.http.target(base, group, key)
    }

    fn group_target(&self, group: &str, operation: &str) -> String {
        let base = &self.http.options().base_path;
        self.http.group_target(base, group, operation)
    }

    async fn ask(&self, request: GetRequest<'_>, lane: Lane) -> Result<Reply, Error> {
        let sending = self.http.send(lane, |get| {
            headers::set_mode(get.headers_mut(), request.mode);
            self.target(request.group, request.key)
        });
        let answer = sending.await?;
        match answer.status {
            StatusCode::OK if request.mode == GetMode::WarmUp => {
                answer.check_empty().map(|()| Reply::default())
            }
            StatusCode::OK => {
                answer.check_type(protobuf::CONTENT_TYPE)?;
                get_response::decode(answer.body)
            }
            _ => Err(failure::error(&answer, request.group)),
        }
    }

    async fn get_over_http(&self, request: GetRequest<'_>) -> Result<Reply, Error> {
        let ask = |mode, lane| self.ask(GetRequest { mode, ..request }, lane);
        self.http.look_up(request.mode, ask, Some).await
    }

    async fn ask_many(
        &self,
        request: GetManyRequest<'_>,
        lane: Lane,
    ) -> Result<GetManyReply, Error> {
        let message = get_many_request::encode(&request);
        let sending = self.http.send(lane, |post| {
            *post.method_mut() = Method::POST;
            *post.body_mut() = Body::from(message.clone());
            self.group_target(request.group, GET_MANY)
        });
        let answer = sending.await?;
        if answer.status != StatusCode::OK {
            return Err(failure::error(&answer, request.group));
        }
        answer.check_type(protobuf::CONTENT_TYPE)?;
        get_many_response::decode(answer.body, request.keys.len(), request.group)
    }

    /// The keys that a peek has not found stay unanswered.
    async fn get_many_over_http(&self, request: GetManyRequest<'_>) -> Result<GetManyReply, Error> {
        let ask = |mode, lane| self.ask_many(GetManyRequest { mode, ..request }, lane);
        self.http
            .look_up(request.mode, ask, GetManyReply::found)
            .await
    }

    /// An operation whose answer has no body.
    async fn tell(
        &self,
        method: Method,
        group: &str,
        target: impl Fn() -> String,
        body: impl Fn() -> Body,
        phase: Phase,
    ) -> Result<(), Error> {
        let answer = self
            .http
            .send(Lane::Quick, |request| {
                *request.method_mut() = method.clone();
                *request.body_mut() = body();
                headers::set_phase(request.headers_mut(), phase);
                target()
            })
            .await?;
        match answer.status {
            StatusCode::OK => answer.check_empty(),
            _ => Err(failure::error(&answer, group)),
        }
    }
}

impl PeerClient for NativeClient {
    fn ping(&self) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async {
            if let Some(stream) = &self.stream {
                match stream.ping().await {
                    Ok(Some(())) => return Ok(()),
                    // A peer that refuses this node may be well.
                    Ok(None) => {}
                    Err(error) if error.is_denied() => {}
                    Err(error) => return Err(error),
                }
            }
            self.http.ping().await
        })
    }

    fn connections(&self) -> Option<Connections> {
        let Some(stream) = &self.stream else {
            return Some(self.http.connections());
        };
        let connections = stream.connections();
        Some(connections.unwrap_or_else(|| self.http.connections().stream_refused()))
    }

    fn get<'a>(&'a self, request: GetRequest<'a>) -> BoxFuture<'a, Result<Reply, Error>> {
        Box::pin(async move {
            self.http.check_key(request.key)?;
            if let Some(stream) = &self.stream
                && let Some(reply) = stream.get(request).await?
            {
                return Ok(reply);
            }
            Box::pin(self.get_over_http(request)).await
        })
    }

    fn get_many<'a>(
        &'a self,
        request: GetManyRequest<'a>,
    ) -> BoxFuture<'a, Result<GetManyReply, Error>> {
        Box::pin(async move {
            let (keys, refused) = request.checked(|key| self.http.check_key(key))?;
            let request = GetManyRequest {
                keys: &keys,
                ..request
            };
            if let Some(stream) = &self.stream
                && let Some(reply) = stream.get_many(request).await?
            {
                return Ok(reply.with_refused(refused));
            }
            let reply = Box::pin(self.get_many_over_http(request)).await?;
            Ok(reply.with_refused(refused))
        })
    }

    fn set<'a>(&'a self, request: SetRequest<'a>) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            self.http.check_key(request.key)?;
            self.http.check_value(&request.value)?;
            if let Some(stream) = &self.stream
                && let Some(()) = stream.set(&request).await?
            {
                return Ok(());
            }
            let (group, key) = (request.group, request.key);
            let body = || set_request::encode(&request);
            let (target, phase) = (|| self.target(group, key), request.phase);
            self.tell(Method::PUT, group, target, body, phase).await
        })
    }

    /// Removes one key by a DELETE, and several keys by one POST, or by a few if the keys need much space.
    fn remove<'a>(&'a self, request: RemoveRequest<'a>) -> BoxFuture<'a, Result<(), Error>> {
        let RemoveRequest { group, keys, phase } = request;
        Box::pin(async move {
            for &key in keys {
                self.http.check_key(key)?;
            }
            if let Some(stream) = &self.stream
                && let Some(()) = stream.remove(request).await?
            {
                return Ok(());
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
                let (batch, message) = remove_keys::encode(group, rest, MAX_KEYS_BYTES);
                let message = Bytes::from(message);
                let body = || Body::from(message.clone());
                rest = &rest[batch..];
                let phase = phase.of_message(rest.is_empty());
                self.tell(Method::POST, group, target, body, phase).await?;
            }
            Ok(())
        })
    }

    fn clear<'a>(&'a self, group: &'a str, phase: Phase) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            if let Some(stream) = &self.stream
                && let Some(()) = stream.clear(group, phase).await?
            {
                return Ok(());
            }
            let target = || self.group_target(group, CLEAR);
            self.tell(Method::POST, group, target, Body::default, phase)
                .await
        })
    }

    fn changes<'a>(&'a self, request: ChangesRequest<'a>) -> BoxFuture<'a, Result<Changes, Error>> {
        Box::pin(async move {
            if let Some(stream) = &self.stream
                && let Some(changes) = stream.changes(request).await?
            {
                return Ok(changes);
            }
            let message = Bytes::from(changes_request::encode(request.since));
            let answer = self
                .http
                .send(Lane::Quick, |post| {
                    *post.method_mut() = Method::POST;
                    *post.body_mut() = Body::from(message.clone());
                    self.group_target(request.group, CHANGES)
                })
                .await?;
            match answer.status {
                StatusCode::OK => changes_response::decode(answer.body),
                _ => Err(failure::error(&answer, request.group)),
            }
        })
    }
}
