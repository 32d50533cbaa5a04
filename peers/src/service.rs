use futures_util::{StreamExt as _, stream};

use crate::{
    BoxFuture, Error, GetManyReply, GetManyRequest, GetRequest, Knowledge, OfferRequest,
    RemoveRequest, Reply, SetRequest, Stamp,
};

/// How many gets the default of [`PeerService::get_many`] has under way at a time.
const GETS_AT_ONCE: usize = 16;

/// What a server asks of its own node on behalf of a peer: the serving half of every wire format.
///
/// A node answers from its cache or by a load of its own. It never forwards, so that two nodes
/// whose rings disagree cannot wait for each other.
///
/// The asynchronous methods are called in the [`Context`](crate::Context) of the request: what the hook on requests has
/// made of it, and its place in a trace. [`get_cached`](Self::get_cached) and [`get_many_cached`](Self::get_many_cached)
/// have that place if the trace is recorded.
pub trait PeerService: Send + Sync + 'static {
    /// Answers a peer's question.
    ///
    /// # Errors
    ///
    /// Any error the node would give a local caller; the protocol decides how to say it.
    fn get<'a>(&'a self, request: GetRequest<'a>) -> BoxFuture<'a, Result<Reply, Error>>;

    /// Answers a peer's question from memory, if the node can do so without waiting for anything.
    /// Otherwise `None`, and [`get`](Self::get) is asked. Default: `None`.
    ///
    /// A stream calls this on the task of its connection: it must not block.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    fn get_cached(&self, request: GetRequest<'_>) -> Option<Result<Reply, Error>> {
        let _ = request;
        None
    }

    /// Answers a question about several keys from memory, if the node can do so for all of them without waiting for
    /// anything, and with values of up to `room` bytes together. Otherwise `None`, and [`get_many`](Self::get_many) is asked, so
    /// the service should count no request before it knows. Default: `None`.
    ///
    /// A stream calls this on the task of its connection: it must not block.
    ///
    /// # Errors
    ///
    /// As [`get_many`](Self::get_many).
    fn get_many_cached(
        &self,
        request: GetManyRequest<'_>,
        room: usize,
    ) -> Option<Result<GetManyReply, Error>> {
        let _ = (request, room);
        None
    }

    /// Answers a question about several keys, at most [`GetManyRequest::MAX_KEYS`]. Each key has an outcome of
    /// its own.
    ///
    /// The default calls [`get`](Self::get) for each key, sixteen at a time.
    ///
    /// # Errors
    ///
    /// When no key can be answered, for example because there is no such group.
    fn get_many<'a>(
        &'a self,
        request: GetManyRequest<'a>,
    ) -> BoxFuture<'a, Result<GetManyReply, Error>> {
        Box::pin(async move {
            let places = stream::iter(0..request.keys.len());
            let gets = places.map(async |place| {
                let known = request.known_at(place);
                let request = request.one(place, &known);
                self.get(request).await
            });
            let answers: Vec<_> = gets.buffered(GETS_AT_ONCE).collect().await;
            let mut states = answers.iter().flatten().map(|reply| reply.state);
            Ok(GetManyReply {
                state: states.next_back().flatten(),
                answers: answers.into_iter().map(Some).collect(),
            })
        })
    }

    /// Whether the node has the group. A request about another group is refused before its body is read.
    /// Default: yes, so that the answers to the requests themselves decide.
    fn has_group(&self, group: &str) -> bool {
        let _ = group;
        true
    }

    /// What is amiss on the node though it answers, in a line: `/healthz` says it, and is well all the same. Default: nothing.
    fn degraded(&self) -> Option<String> {
        None
    }

    /// Takes a new value for a key that this node owns, or refuses it.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get). The node has then stored nothing.
    fn set<'a>(&'a self, request: SetRequest<'a>) -> BoxFuture<'a, Result<(), Error>> {
        let _ = request;
        Box::pin(async { Err(Error::unsupported("set a value", "node's")) })
    }

    /// Removes the values of some keys from this node's caches.
    ///
    /// # Errors
    ///
    /// When there is no such group. Keys without a value are no error.
    fn remove<'a>(&'a self, request: RemoveRequest<'a>) -> BoxFuture<'a, Result<(), Error>> {
        let _ = request;
        Box::pin(async { Err(Error::unsupported("remove keys", "node's")) })
    }

    /// Removes all values of a group from this node's caches.
    ///
    /// # Errors
    ///
    /// When there is no such group.
    fn clear<'a>(
        &'a self,
        group: &'a str,
        stamp: Option<Stamp>,
    ) -> BoxFuture<'a, Result<(), Error>> {
        let _ = (group, stamp);
        Box::pin(async { Err(Error::unsupported("clear a group", "node's")) })
    }

    /// Takes what a peer knows of changes, and returns what the peer lacks.
    ///
    /// # Errors
    ///
    /// When the node keeps no record of changes.
    fn sync(&self, knowledge: Knowledge) -> BoxFuture<'_, Result<Knowledge, Error>> {
        let _ = knowledge;
        Box::pin(async { Err(Error::unsupported("exchange what it knows", "node's")) })
    }

    /// Hears that some members, by their ids, have not been told of changes that this node has made.
    ///
    /// # Errors
    ///
    /// As [`sync`](Self::sync).
    fn note_behind<'a>(&'a self, members: &'a [&'a str]) -> BoxFuture<'a, Result<(), Error>> {
        let _ = members;
        Box::pin(async { Err(Error::unsupported("hear who is behind", "node's")) })
    }

    /// Takes copies of the values that a peer offers, as far as the node needs and lacks them, by asking the peer for them.
    /// Returns when it has them.
    ///
    /// # Errors
    ///
    /// When there is no such group, or no such member.
    fn offer<'a>(&'a self, request: OfferRequest<'a>) -> BoxFuture<'a, Result<(), Error>> {
        let _ = request;
        Box::pin(async { Err(Error::unsupported("take what it is offered", "node's")) })
    }
}
