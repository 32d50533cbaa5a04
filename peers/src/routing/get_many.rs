//! The values of several keys from one peer.

use super::peer::Peer;
use crate::{Error, GetManyRequest, Reply};

impl Peer {
    /// Asks the peer for the values of several keys in one exchange. The result has a place for each key,
    /// in the order of the request.
    ///
    /// A key without an outcome has to be asked for again, [alone](Self::get) or with others: its load takes
    /// longer than those of the others, or its value does not fit beside theirs. Over a protocol without a
    /// message for several keys no key has an outcome, and nothing is asked. Circuit and liveness checks
    /// work as in [`get`](Self::get).
    ///
    /// # Errors
    ///
    /// Those of [`PeerClient::get_many`](crate::PeerClient::get_many) but
    /// [`Error::is_unsupported`], and as [`get`](Self::get).
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
    ) -> Result<Vec<Option<Result<Reply, Error>>>, Error> {
        let asking = self.timed(self.exchange(|client| client.get_many(request)));
        let reply = match asking.await {
            Err(error) if error.is_unsupported() && !self.is_self() => Default::default(),
            reply => reply?,
        };
        let mut answers = reply.answers;
        answers.resize_with(request.keys.len(), || None);
        for answer in answers.iter_mut().flatten().flatten() {
            answer.state = reply.state;
        }
        Ok(answers)
    }
}
