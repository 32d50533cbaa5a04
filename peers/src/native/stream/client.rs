use std::sync::Arc;

use bytes::Bytes;
use tokio::time::Instant;

use super::PROTOCOL;
use super::wire::answer;
use super::wire::clear::Clear;
use super::wire::get::Get;
use super::wire::get_many::GetMany;
use super::wire::of_node::OfNode;
use super::wire::remove::{self, Remove};
use super::wire::set::Set;
use super::wire::{kind, value};
use crate::http::client::{HttpClient, Lane};
use crate::http::{BodyBudget, MAX_KEYS_BYTES};
use crate::native::wire::{get_many_response, knowledge};
use crate::stream::Message;
use crate::stream::caller::{Again, Answer, Called, StreamClient};
use crate::{
    Connections, Error, GetManyReply, GetManyRequest, GetMode, GetRequest, Knowledge,
    RemoveRequest, Reply, SetRequest, Stamp, Wire,
};

/// Asks one peer over a stream. Each method returns `None` if the peer does not speak it.
#[derive(Debug)]
pub(in crate::native) struct StreamForm {
    stream: StreamClient,
}

impl StreamForm {
    pub(in crate::native) fn new(http: Arc<HttpClient>, bodies: Arc<BodyBudget>) -> Self {
        let max_message = http.options().max_message_bytes() as u64;
        let stream = StreamClient::new(http, PROTOCOL, max_message, bodies);
        Self { stream }
    }

    pub(in crate::native) async fn ping(&self) -> Result<Option<()>, Error> {
        self.stream.ping().await
    }

    /// The connection, if there is one; `None` while the peer refuses it.
    pub(in crate::native) fn connections(&self) -> Option<Connections> {
        let calls = self.stream.calls_under_way().ok()?;
        let open = usize::from(calls.is_some());
        let idle = usize::from(calls == Some(0));
        Some(Connections::new(Wire::Stream, open, idle))
    }

    pub(in crate::native) async fn get(
        &self,
        request: GetRequest<'_>,
    ) -> Result<Option<Reply>, Error> {
        let call = |mode| Get(GetRequest { mode, ..request });
        let read = |answer, asked| {
            let reply = value::read(self.expect(kind::VALUE, answer, request.group)?)?;
            Ok(reply.aged_since(asked))
        };
        self.look_up(request.mode, call, read, Some).await
    }

    /// The keys that a peek has not found stay unanswered.
    pub(in crate::native) async fn get_many(
        &self,
        request: GetManyRequest<'_>,
    ) -> Result<Option<GetManyReply>, Error> {
        let call = |mode| GetMany::new(&GetManyRequest { mode, ..request });
        let read = |answer, asked| {
            let message = self.expect(kind::VALUES, answer, request.group)?;
            let count = request.keys.len();
            let reply = get_many_response::decode(&message, count, request.group)?;
            Ok(reply.aged_since(asked))
        };
        self.look_up(request.mode, call, read, GetManyReply::found)
            .await
    }

    /// A call that may have to wait for a load.
    async fn look_up<M: Message, T>(
        &self,
        mode: GetMode,
        call: impl Fn(GetMode) -> M,
        read: impl Fn(Answer, Instant) -> Result<T, Error>,
        found: impl Fn(T) -> Option<T>,
    ) -> Result<Option<T>, Error> {
        let message = call(mode);
        // A peek waits for no load.
        let lane = match mode {
            GetMode::Peek => Lane::Quick,
            GetMode::Load | GetMode::WarmUp => Lane::Loads,
        };
        let called = self.stream.try_call(&message, lane, Again::Once).await?;
        let called = match called {
            Called::Full => {
                // While too many calls wait for loads, the peer may still have the value in memory.
                if mode == GetMode::Load
                    && let Some(reply) = Box::pin(self.peek(&call(GetMode::Peek), &read)).await
                    && let Some(reply) = found(reply)
                {
                    return Ok(Some(reply));
                }
                Box::pin(self.stream.call(&message, lane, Again::Once)).await?
            }
            called => called,
        };
        match called {
            Called::Answered(answer, asked) => read(answer, asked).map(Some),
            Called::Refused | Called::Full => Ok(None),
        }
    }

    async fn peek<T>(
        &self,
        message: &impl Message,
        read: impl Fn(Answer, Instant) -> Result<T, Error>,
    ) -> Option<T> {
        let called = self.stream.try_call(message, Lane::Quick, Again::Once);
        match called.await {
            Ok(Called::Answered(answer, asked)) => read(answer, asked).ok(),
            _ => None,
        }
    }

    pub(in crate::native) async fn set(
        &self,
        request: &SetRequest<'_>,
    ) -> Result<Option<()>, Error> {
        let set = Set::new(request.clone(), self.stream.wall_clock());
        self.tell(&set, request.group, Again::Never).await
    }

    /// Removes the keys by one message, or by a few if the keys need much space.
    pub(in crate::native) async fn remove(
        &self,
        request: RemoveRequest<'_>,
    ) -> Result<Option<()>, Error> {
        let mut told = 0;
        while told < request.keys.len() {
            let rest = &request.keys[told..];
            let keys = &rest[..remove::batch(rest, MAX_KEYS_BYTES)];
            let message = Remove(RemoveRequest {
                keys,
                stamp: request.stamp.map(|stamp| stamp.at(told)),
                ..request
            });
            let answered = self.tell(&message, request.group, Again::Once).await?;
            if answered.is_none() {
                return Ok(None);
            }
            told += keys.len();
        }
        Ok(Some(()))
    }

    pub(in crate::native) async fn clear(
        &self,
        group: &str,
        stamp: Option<Stamp>,
    ) -> Result<Option<()>, Error> {
        self.tell(&Clear { group, stamp }, group, Again::Once).await
    }

    /// Sends a `Knowledge`, and reads another one.
    pub(in crate::native) async fn sync(&self, message: Bytes) -> Result<Option<Knowledge>, Error> {
        let sync = OfNode::new(kind::SYNC, message);
        let called = self.stream.call(&sync, Lane::Quick, Again::Once).await?;
        let Called::Answered(answer, _) = called else {
            return Ok(None);
        };
        knowledge::decode(&self.expect(kind::KNOWLEDGE, answer, "")?).map(Some)
    }

    /// Sends a list of the ids of members.
    pub(in crate::native) async fn note_behind(&self, message: Bytes) -> Result<Option<()>, Error> {
        let behind = OfNode::new(kind::BEHIND, message);
        self.tell(&behind, "", Again::Once).await
    }

    /// Sends an offer of values of the group.
    pub(in crate::native) async fn offer(
        &self,
        message: Bytes,
        group: &str,
    ) -> Result<Option<()>, Error> {
        // The peer waits for what it asks this node for.
        let offer = OfNode::new(kind::OFFER, message);
        self.tell_in(Lane::Loads, &offer, group, Again::Once).await
    }

    /// The message of an answer that has to be of this kind, or the error that it says.
    fn expect(&self, kind: u8, answer: Answer, group: &str) -> Result<Bytes, Error> {
        let message = answer::expect(kind, answer, group);
        message.map_err(|error| error.said_by(self.stream.peer(), "a call"))
    }

    /// A call whose answer says no more than that it is done.
    async fn tell(
        &self,
        message: &impl Message,
        group: &str,
        again: Again,
    ) -> Result<Option<()>, Error> {
        self.tell_in(Lane::Quick, message, group, again).await
    }

    async fn tell_in(
        &self,
        lane: Lane,
        message: &impl Message,
        group: &str,
        again: Again,
    ) -> Result<Option<()>, Error> {
        let called = self.stream.call(message, lane, again).await?;
        let Called::Answered(answer, _) = called else {
            return Ok(None);
        };
        match self.expect(kind::DONE, answer, group)?.len() {
            0 => Ok(Some(())),
            length => Err(Error::malformed(format!(
                "a DONE with {length} bytes behind its end"
            ))),
        }
    }
}
