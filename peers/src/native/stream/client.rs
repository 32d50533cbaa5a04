use std::sync::Arc;

use super::PROTOCOL;
use super::wire::answer::expect;
use super::wire::changes_request::Pull;
use super::wire::clear::Clear;
use super::wire::get::Get;
use super::wire::get_many::GetMany;
use super::wire::remove::{self, Remove};
use super::wire::set::Set;
use super::wire::{changes, kind, value};
use crate::http::client::{HttpClient, Lane};
use crate::http::{BodyBudget, MAX_KEYS_BYTES};
use crate::native::wire::get_many_response;
use crate::stream::Message;
use crate::stream::caller::{Again, Answer, Called, StreamClient};
use crate::{
    Changes, ChangesRequest, Error, GetManyReply, GetManyRequest, GetMode, GetRequest, Phase,
    RemoveRequest, Reply, SetRequest,
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

    pub(in crate::native) async fn get(
        &self,
        request: GetRequest<'_>,
    ) -> Result<Option<Reply>, Error> {
        let lane = lane(request.mode);
        match self
            .stream
            .try_call(&Get(request), lane, Again::Once)
            .await?
        {
            Called::Answered(answer) => {
                let message = expect(kind::VALUE, answer, request.group)?;
                value::read(message).map(Some)
            }
            Called::Refused => Ok(None),
            Called::Full => Box::pin(self.get_when_free(request, lane)).await,
        }
    }

    /// While too many gets wait for loads, the peer may still have the value in memory.
    async fn get_when_free(
        &self,
        request: GetRequest<'_>,
        lane: Lane,
    ) -> Result<Option<Reply>, Error> {
        if request.mode == GetMode::Load {
            let mode = GetMode::Peek;
            let peek = Get(GetRequest { mode, ..request });
            let called = self.stream.try_call(&peek, Lane::Quick, Again::Once).await;
            if let Ok(Called::Answered(answer)) = called
                && let Ok(message) = expect(kind::VALUE, answer, request.group)
                && let Ok(reply) = value::read(message)
            {
                return Ok(Some(reply));
            }
        }
        let called = self.stream.call(&Get(request), lane, Again::Once).await?;
        let Called::Answered(answer) = called else {
            return Ok(None);
        };
        value::read(expect(kind::VALUE, answer, request.group)?).map(Some)
    }

    pub(in crate::native) async fn get_many(
        &self,
        request: GetManyRequest<'_>,
    ) -> Result<Option<GetManyReply>, Error> {
        let lane = lane(request.mode);
        let message = GetMany::new(&request);
        let called = self.stream.try_call(&message, lane, Again::Once).await?;
        match called {
            Called::Answered(answer) => values(answer, &request).map(Some),
            Called::Refused => Ok(None),
            Called::Full => Box::pin(self.get_many_when_free(request, lane)).await,
        }
    }

    /// As [`get_when_free`](Self::get_when_free). The keys that were not found stay unanswered.
    async fn get_many_when_free(
        &self,
        request: GetManyRequest<'_>,
        lane: Lane,
    ) -> Result<Option<GetManyReply>, Error> {
        if request.mode == GetMode::Load {
            let mode = GetMode::Peek;
            let peek = GetMany::new(&GetManyRequest { mode, ..request });
            let called = self.stream.try_call(&peek, Lane::Quick, Again::Once).await;
            if let Ok(Called::Answered(answer)) = called
                && let Ok(reply) = values(answer, &request)
                && let Some(found) = reply.found()
            {
                return Ok(Some(found));
            }
        }
        let message = GetMany::new(&request);
        match self.stream.call(&message, lane, Again::Once).await? {
            Called::Answered(answer) => values(answer, &request).map(Some),
            Called::Refused | Called::Full => Ok(None),
        }
    }

    pub(in crate::native) async fn set(
        &self,
        request: &SetRequest<'_>,
    ) -> Result<Option<()>, Error> {
        let set = Set(request.clone());
        self.tell(&set, request.group, Again::Never).await
    }

    /// Removes the keys by one message, or by a few if the keys need much space.
    pub(in crate::native) async fn remove(
        &self,
        request: RemoveRequest<'_>,
    ) -> Result<Option<()>, Error> {
        let mut rest = request.keys;
        while !rest.is_empty() {
            let (keys, later) = rest.split_at(remove::batch(rest, MAX_KEYS_BYTES));
            rest = later;
            // Only the last message ends the change for the peer.
            let phase = match request.phase {
                Phase::Last(_) if !rest.is_empty() => Phase::Only,
                phase => phase,
            };
            let message = Remove(RemoveRequest {
                keys,
                phase,
                ..request
            });
            let told = self.tell(&message, request.group, Again::Once).await?;
            if told.is_none() {
                return Ok(None);
            }
        }
        Ok(Some(()))
    }

    pub(in crate::native) async fn clear(
        &self,
        group: &str,
        phase: Phase,
    ) -> Result<Option<()>, Error> {
        self.tell(&Clear { group, phase }, group, Again::Once).await
    }

    pub(in crate::native) async fn changes(
        &self,
        request: ChangesRequest<'_>,
    ) -> Result<Option<Changes>, Error> {
        let pull = Pull(request);
        let called = self.stream.call(&pull, Lane::Quick, Again::Once).await?;
        let Called::Answered(answer) = called else {
            return Ok(None);
        };
        changes::read(expect(kind::CHANGES, answer, request.group)?).map(Some)
    }

    /// A call whose answer says no more than that it is done.
    async fn tell(
        &self,
        message: &impl Message,
        group: &str,
        again: Again,
    ) -> Result<Option<()>, Error> {
        let called = self.stream.call(message, Lane::Quick, again).await?;
        let Called::Answered(answer) = called else {
            return Ok(None);
        };
        match expect(kind::DONE, answer, group)?.len() {
            0 => Ok(Some(())),
            length => Err(Error::malformed(format!(
                "a DONE with {length} bytes behind its end"
            ))),
        }
    }
}

/// A peek waits for no load.
fn lane(mode: GetMode) -> Lane {
    match mode {
        GetMode::Peek => Lane::Quick,
        GetMode::Load | GetMode::WarmUp => Lane::Loads,
    }
}

/// The answers to several keys.
fn values(answer: Answer, request: &GetManyRequest<'_>) -> Result<GetManyReply, Error> {
    let message = expect(kind::VALUES, answer, request.group)?;
    get_many_response::decode(message, request.keys.len(), request.group)
}
