use std::fmt;

use crate::{
    BoxFuture, ClockSkew, Connections, Error, GetManyReply, GetManyRequest, GetRequest, Knowledge,
    OfferRequest, RemoveRequest, Reply, SetRequest, Stamp,
};

/// One peer as seen by a node that asks it: the dialling half of a wire format.
///
/// An implementation keeps its connections, and has limits and time-outs of its own. Many tasks share a
/// client. Every future may be dropped at any time, and must not disturb other exchanges then.
///
/// A client takes the [place in a trace](crate::Context::current_trace) of its caller along, if its protocol can say it.
pub trait PeerClient: fmt::Debug + Send + Sync + 'static {
    /// Asks for a value.
    ///
    /// # Errors
    ///
    /// [`Error::is_answer`] tells an answer of the peer (not found, its getter failed) from a
    /// failure to get one, after which another node may be asked.
    fn get<'a>(&'a self, request: GetRequest<'a>) -> BoxFuture<'a, Result<Reply, Error>>;

    /// Asks for several values in one exchange. The peer may leave keys unanswered.
    ///
    /// # Errors
    ///
    /// When there was no exchange. [`Error::is_unsupported`] where the protocol has no such message: the
    /// caller then asks for each key [alone](Self::get). The default returns it.
    /// [`Error::is_too_large`] for more keys than one request may have.
    fn get_many<'a>(
        &'a self,
        request: GetManyRequest<'a>,
    ) -> BoxFuture<'a, Result<GetManyReply, Error>> {
        let _ = request;
        unsupported("get many")
    }

    /// Asks for a sign of life. The caller limits the time. A connection that does not give one may be ended,
    /// with all exchanges on it.
    ///
    /// The default returns `Ok`: a client that cannot ask takes its peer for alive.
    ///
    /// # Errors
    ///
    /// When the peer gave no sign of life.
    fn ping(&self) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async { Ok(()) })
    }

    /// The connections to the peer, for reports. Takes no longer than a look. The default knows of none.
    fn connections(&self) -> Option<Connections> {
        None
    }

    /// How far the peer's wall clock is from this node's, for reports. Takes no longer than a look. The default does not know:
    /// only a protocol that carries moments has to.
    fn clock(&self) -> Option<ClockSkew> {
        None
    }

    /// Gives a key's owner a new value.
    ///
    /// # Errors
    ///
    /// [`Error::is_unsupported`] where the protocol has no such message. The default returns it.
    fn set<'a>(&'a self, request: SetRequest<'a>) -> BoxFuture<'a, Result<(), Error>> {
        let _ = request;
        unsupported("set a value")
    }

    /// Removes the values of some keys from the peer's caches. A load that is under way there does not bring
    /// the old value back. Protocols without a message for several keys send one message for each.
    ///
    /// # Errors
    ///
    /// As [`set`](Self::set).
    fn remove<'a>(&'a self, request: RemoveRequest<'a>) -> BoxFuture<'a, Result<(), Error>> {
        let _ = request;
        unsupported("remove keys")
    }

    /// Removes all values of a group from the peer's caches.
    ///
    /// # Errors
    ///
    /// As [`set`](Self::set).
    fn clear<'a>(
        &'a self,
        group: &'a str,
        stamp: Option<Stamp>,
    ) -> BoxFuture<'a, Result<(), Error>> {
        let _ = (group, stamp);
        unsupported("clear a group")
    }

    /// Tells the peer what this node knows of changes, and returns what the peer knows.
    ///
    /// # Errors
    ///
    /// As [`set`](Self::set).
    fn sync(&self, knowledge: Knowledge) -> BoxFuture<'_, Result<Knowledge, Error>> {
        let _ = knowledge;
        unsupported("exchange what is known")
    }

    /// Tells the peer that some members, by their ids, have not been told of changes that the peer has made.
    ///
    /// # Errors
    ///
    /// As [`set`](Self::set).
    fn note_behind<'a>(&'a self, members: &'a [&'a str]) -> BoxFuture<'a, Result<(), Error>> {
        let _ = members;
        unsupported("say who is behind")
    }

    /// Offers the peer values that this node has. The peer asks for those that it needs and lacks, and answers when it has
    /// them.
    ///
    /// # Errors
    ///
    /// As [`set`](Self::set). [`Error::is_too_large`] for more keys than one request may have.
    fn offer<'a>(&'a self, request: OfferRequest<'a>) -> BoxFuture<'a, Result<(), Error>> {
        let _ = request;
        unsupported("offer values")
    }
}

fn unsupported<T: Send + 'static>(operation: &'static str) -> BoxFuture<'static, Result<T, Error>> {
    Box::pin(async move { Err(Error::unsupported(operation, "peer's")) })
}
