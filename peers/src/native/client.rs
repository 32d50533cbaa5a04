use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Method, StatusCode};
use tokio::time::Instant;

use super::stream::StreamForm;
use super::wire::{
    BYTES, CLEAR, GET_MANY, MAX_KNOWN, REMOVE_KEYS, get_many_request, get_many_response,
    get_response, knowledge, member_ids, offer, remove_keys,
};
use super::{NodeOperation, headers};
use crate::http::client::{Answer, AnswerLimit, HttpClient, Lane};
use crate::http::{Body, BodyBudget, MAX_KEYS_BYTES, failure, known_places};
use crate::protobuf::{self, set_request};
use crate::{
    BoxFuture, Connections, Error, GetManyReply, GetManyRequest, GetMode, GetRequest, Knowledge,
    KnownChange, OfferRequest, PeerClient, RemoveRequest, Reply, SetRequest, Stamp,
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
            headers::set_known(get.headers_mut(), request.known);
            self.target(request.group, request.key)
        });
        let answer = sending.await?;
        match answer.status {
            StatusCode::OK if request.mode == GetMode::WarmUp => {
                answer.check_empty().map(|()| Reply::default())
            }
            StatusCode::OK => {
                answer.check_type(protobuf::CONTENT_TYPE)?;
                let asked = answer.asked;
                get_response::decode(answer.body).map(|reply| reply.aged_since(asked))
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
        let (asked, count) = (answer.asked, request.keys.len());
        let reply = get_many_response::decode(&answer.body, count, request.group)?;
        Ok(reply.aged_since(asked))
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
        stamp: Option<Stamp>,
    ) -> Result<(), Error> {
        self.tell_knowing(method, group, target, body, stamp, &[])
            .await
    }

    /// The same with the changes of the key that this node knows.
    async fn tell_knowing(
        &self,
        method: Method,
        group: &str,
        target: impl Fn() -> String,
        body: impl Fn() -> Body,
        stamp: Option<Stamp>,
        known: &[KnownChange],
    ) -> Result<(), Error> {
        let answer = self
            .http
            .send(Lane::Quick, |request| {
                *request.method_mut() = method.clone();
                *request.body_mut() = body();
                headers::set_stamp(request.headers_mut(), stamp);
                headers::set_known(request.headers_mut(), known);
                target()
            })
            .await?;
        match answer.status {
            StatusCode::OK => answer.check_empty(),
            _ => Err(failure::error(&answer, group)),
        }
    }

    /// An operation that is about no group.
    async fn of_node(&self, operation: NodeOperation, message: Bytes) -> Result<Answer, Error> {
        let lane = match operation {
            // The peer waits for what it asks this node for.
            NodeOperation::Offer => Lane::Loads,
            NodeOperation::Sync | NodeOperation::Behind => Lane::Quick,
        };
        let answer = self.http.send(lane, |post| {
            *post.method_mut() = Method::POST;
            *post.body_mut() = Body::from(message.clone());
            let bytes = HeaderValue::from_static(BYTES);
            post.headers_mut().insert(CONTENT_TYPE, bytes);
            let limit = AnswerLimit(knowledge::MAX_BYTES);
            post.extensions_mut().insert(limit);
            let base = &self.http.options().base_path;
            self.http.node_target(base, operation.target())
        });
        let answer = answer.await?;
        match answer.status {
            StatusCode::OK => Ok(answer),
            _ => Err(failure::error(&answer, "")),
        }
    }
}

/// Refuses more known changes than a peer would read.
fn check_known(count: usize, limit: usize) -> Result<(), Error> {
    if count > limit {
        let (count, limit) = (count as u64, limit as u64);
        return Err(Error::too_many("known changes", count, limit));
    }
    Ok(())
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
            check_known(request.known.len(), MAX_KNOWN)?;
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
            check_known(request.known.len(), get_many_request::MAX_KNOWN_OF_ALL)?;
            let request = GetManyRequest {
                keys: &keys,
                known: &known_places(request.known, &refused),
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
            check_known(request.known.len(), MAX_KNOWN)?;
            if let Some(stream) = &self.stream
                && let Some(()) = stream.set(&request).await?
            {
                return Ok(());
            }
            let (group, key) = (request.group, request.key);
            // A set that is sent again has less time left.
            let (clock, since) = (&self.http.options().wall_clock, Instant::now());
            let body = || {
                let expiry = request.expiry.map(|expiry| expiry.after(since.elapsed()));
                set_request::encode(&request, set_request::life(expiry, clock))
            };
            let target = || self.target(group, key);
            let SetRequest { stamp, known, .. } = request;
            self.tell_knowing(Method::PUT, group, target, body, stamp, known)
                .await
        })
    }

    /// Removes one key by a DELETE, and several keys by one POST, or by a few if the keys need much space.
    fn remove<'a>(&'a self, request: RemoveRequest<'a>) -> BoxFuture<'a, Result<(), Error>> {
        let RemoveRequest { group, keys, stamp } = request;
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
                    .tell(Method::DELETE, group, target, Body::default, stamp)
                    .await;
            }
            let target = || self.group_target(group, REMOVE_KEYS);
            let mut told = 0;
            while told < keys.len() {
                let (batch, message) = remove_keys::encode(group, &keys[told..], MAX_KEYS_BYTES);
                let message = Bytes::from(message);
                let body = || Body::from(message.clone());
                let stamp = stamp.map(|stamp| stamp.at(told));
                self.tell(Method::POST, group, target, body, stamp).await?;
                told += batch;
            }
            Ok(())
        })
    }

    fn clear<'a>(
        &'a self,
        group: &'a str,
        stamp: Option<Stamp>,
    ) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            if let Some(stream) = &self.stream
                && let Some(()) = stream.clear(group, stamp).await?
            {
                return Ok(());
            }
            let target = || self.group_target(group, CLEAR);
            self.tell(Method::POST, group, target, Body::default, stamp)
                .await
        })
    }

    fn sync(&self, knowledge: Knowledge) -> BoxFuture<'_, Result<Knowledge, Error>> {
        Box::pin(async move {
            let message = knowledge::encode(&knowledge)?;
            drop(knowledge);
            if let Some(stream) = &self.stream
                && let Some(known) = stream.sync(message.clone()).await?
            {
                return Ok(known);
            }
            let answer = self.of_node(NodeOperation::Sync, message).await?;
            answer.check_type(BYTES)?;
            knowledge::decode(&answer.body)
        })
    }

    /// Says it by one message, or by a few if the members are many.
    fn note_behind<'a>(&'a self, members: &'a [&'a str]) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            for batch in members.chunks(member_ids::MAX_IDS) {
                let message = member_ids::encode(batch)?;
                if let Some(stream) = &self.stream
                    && let Some(()) = stream.note_behind(message.clone()).await?
                {
                    continue;
                }
                let answer = self.of_node(NodeOperation::Behind, message).await?;
                answer.check_empty()?;
            }
            Ok(())
        })
    }

    fn offer<'a>(&'a self, request: OfferRequest<'a>) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            let message = offer::encode(&request)?;
            if let Some(stream) = &self.stream
                && let Some(()) = stream.offer(message.clone(), request.group).await?
            {
                return Ok(());
            }
            let answer = self.of_node(NodeOperation::Offer, message).await?;
            answer.check_empty()
        })
    }
}
