//! The values of several keys from one peer.

use futures_util::{StreamExt as _, stream};

use super::peer::Peer;
use crate::{Error, GetManyReply, GetManyRequest, GetRequest, Reply};

/// How many keys are asked for at one time, each alone.
const GETS_AT_ONCE: usize = 16;

/// One place for each key, in the order of the request.
type Answers = Vec<Option<Result<Reply, Error>>>;

impl Peer {
    /// Asks the peer for the values of several keys. The result has an outcome for each key, in the order
    /// of the request.
    ///
    /// Most often this takes one exchange. Keys that the peer leaves unanswered are asked for together once
    /// more, if the first exchange brought anything, and then each [alone](Self::get), sixteen at a time.
    /// Over a protocol without a message for several keys, all are asked for alone. Circuit and liveness
    /// checks work as in [`get`](Self::get), for each exchange.
    ///
    /// # Errors
    ///
    /// Those of [`PeerClient::get_many`](crate::PeerClient::get_many) but
    /// [`Error::is_unsupported`], and as [`get`](Self::get), when the first exchange failed. Later ones
    /// fail for their keys alone.
    ///
    /// # Cancel safety
    ///
    /// As [`get`](Self::get).
    ///
    /// # Panics
    ///
    /// As [`get`](Self::get).
    pub async fn get_many(
        &self,
        request: GetManyRequest<'_>,
    ) -> Result<Vec<Result<Reply, Error>>, Error> {
        let mut answers = match self.exchange(|client| client.get_many(request)).await {
            Ok(reply) => answers_of(reply, request.keys.len()),
            Err(error) if error.is_unsupported() => request.keys.iter().map(|_| None).collect(),
            Err(error) => return Err(error),
        };
        if answers.iter().any(Option::is_none) {
            Box::pin(self.ask_again(request, &mut answers)).await;
        }
        let unasked = || {
            Err(Error::malformed(
                "a peer's reply without an answer for the key",
            ))
        };
        let outcome = |answer: Option<_>| answer.unwrap_or_else(unasked);
        Ok(answers.into_iter().map(outcome).collect())
    }

    /// Asks for the keys without an answer: together if others have one, and then each alone.
    async fn ask_again(&self, request: GetManyRequest<'_>, answers: &mut Answers) {
        let GetManyRequest { group, keys, mode } = request;
        if answers.iter().any(Option::is_some) {
            let places = unanswered(answers);
            let keys: Vec<&[u8]> = places.iter().map(|&place| keys[place]).collect();
            let rest = GetManyRequest {
                keys: &keys,
                ..request
            };
            // If this fails, the gets of the keys alone tell why.
            if let Ok(reply) = self.exchange(|client| client.get_many(rest)).await {
                for (place, answer) in places.into_iter().zip(answers_of(reply, keys.len())) {
                    answers[place] = answer;
                }
            }
        }
        let gets = unanswered(answers).into_iter().map(|place| async move {
            let key = keys[place];
            (place, self.get(GetRequest { group, key, mode }).await)
        });
        let mut gets = stream::iter(gets).buffer_unordered(GETS_AT_ONCE);
        while let Some((place, answer)) = gets.next().await {
            answers[place] = Some(answer);
        }
    }
}

/// The answers in a reply about `count` keys, each with the reply's position in the change log.
fn answers_of(reply: GetManyReply, count: usize) -> Answers {
    let mut answers = reply.answers;
    answers.resize_with(count, || None);
    for answer in answers.iter_mut().flatten().flatten() {
        answer.log = reply.log;
    }
    answers
}

/// The places of the keys without an answer.
fn unanswered(answers: &Answers) -> Vec<usize> {
    let places = answers.iter().enumerate();
    let open = places.filter(|(_, answer)| answer.is_none());
    open.map(|(place, _)| place).collect()
}
