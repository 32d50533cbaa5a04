use crate::http::{HttpOptions, known_places};
use crate::{
    Error, GetManyReply, GetManyRequest, GetMode, GetRequest, PeerService, RemoveRequest, Reply,
    SetRequest,
};

/// A node as peers may use it: keys and values beyond the limits are refused, whichever side they come
/// from.
#[derive(Clone, Copy)]
pub(crate) struct Limited<'a> {
    pub(crate) service: &'a dyn PeerService,
    pub(crate) options: &'a HttpOptions,
}

impl Limited<'_> {
    pub(crate) fn check_key(&self, key: &[u8]) -> Result<(), Error> {
        within("a key", key.len(), self.options.max_key_bytes)
    }

    /// Looks a value up, as far as the mode goes.
    pub(crate) async fn get(&self, request: GetRequest<'_>) -> Result<Reply, Error> {
        self.check_key(request.key)?;
        let reply = self.service.get(request).await;
        self.checked(request.mode, reply)
    }

    /// The same for several keys. A key or value that is too large is an error of its key alone.
    pub(crate) async fn get_many(
        &self,
        request: GetManyRequest<'_>,
    ) -> Result<GetManyReply, Error> {
        let (keys, refused) = request.checked(|key| self.check_key(key))?;
        let request = GetManyRequest {
            keys: &keys,
            known: &known_places(request.known, &refused),
            ..request
        };
        let mut reply = self.service.get_many(request).await?;
        let answers = reply.answers.into_iter();
        reply.answers = answers
            .map(|answer| answer.map(|answer| self.checked(request.mode, answer)))
            .collect();
        reply.answers.resize_with(keys.len(), || None);
        Ok(reply.with_refused(refused))
    }

    /// The same from memory. A key or value that is too large takes the longer way, for its error.
    pub(crate) fn get_many_cached(
        &self,
        request: GetManyRequest<'_>,
        room: usize,
    ) -> Option<Result<GetManyReply, Error>> {
        if request.keys.iter().any(|key| self.check_key(key).is_err()) {
            return None;
        }
        let reply = match self.service.get_many_cached(request, room)? {
            Ok(reply) => reply,
            Err(error) => return Some(Err(error)),
        };
        let is_answered = |answer: &Option<Result<Reply, Error>>| match answer {
            Some(Ok(reply)) => {
                within("a value", reply.value.len(), self.options.max_value_bytes).is_ok()
            }
            Some(Err(_)) => true,
            None => false,
        };
        let all = reply.answers.len() == request.keys.len();
        (all && reply.answers.iter().all(is_answered)).then_some(Ok(reply))
    }

    /// What the node has answered to a get, if a peer may have it. A warm-up does not want the value.
    pub(crate) fn checked(
        &self,
        mode: GetMode,
        answer: Result<Reply, Error>,
    ) -> Result<Reply, Error> {
        let reply = answer?;
        if mode == GetMode::WarmUp {
            return Ok(Reply::default());
        }
        within("a value", reply.value.len(), self.options.max_value_bytes)?;
        Ok(reply)
    }

    /// Has the node take a value.
    pub(crate) async fn set(&self, request: SetRequest<'_>) -> Result<(), Error> {
        self.check_key(request.key)?;
        within("a value", request.value.len(), self.options.max_value_bytes)?;
        self.service.set(request).await
    }

    /// Has the node forget some keys.
    pub(crate) async fn remove(&self, request: RemoveRequest<'_>) -> Result<(), Error> {
        self.service.remove(request).await
    }
}

fn within(what: &'static str, size: usize, limit: usize) -> Result<(), Error> {
    if size <= limit {
        Ok(())
    } else {
        Err(Error::too_large(what, size as u64, limit as u64))
    }
}
