use std::fmt;

use crate::{
    BoxFuture, Changes, ChangesRequest, Error, GetRequest, Phase, RemoveRequest, Reply, SetRequest,
};

/// One peer as seen by a node that asks it: the dialling half of a wire format.
///
/// Implementations keep their connections, obey their own limits and time-outs, and are shared by
/// many tasks at once. Every future returned here may be dropped at any time; what was dropped
/// must not disturb other exchanges with the same peer.
pub trait PeerClient: fmt::Debug + Send + Sync + 'static {
    /// Asks for a value.
    ///
    /// # Errors
    ///
    /// [`Error::is_answer`] tells an answer of the peer (not found, its getter failed) from a
    /// failure to get one, after which another node may be asked.
    fn get<'a>(&'a self, request: GetRequest<'a>) -> BoxFuture<'a, Result<Reply, Error>>;

    /// Asks for a sign of life, apart from all other exchanges: on another connection, if they
    /// have connections. The caller limits the time.
    ///
    /// A client that cannot ask answers for its peer, which is what this does unless it is
    /// implemented.
    ///
    /// # Errors
    ///
    /// When there was no sign.
    fn ping(&self) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async { Ok(()) })
    }

    /// Tells a value to its owner.
    ///
    /// # Errors
    ///
    /// [`Error::is_unsupported`] where the protocol has no such message, which is what this does
    /// unless it is implemented.
    fn set<'a>(&'a self, request: SetRequest<'a>) -> BoxFuture<'a, Result<(), Error>> {
        let _ = request;
        unsupported("set a value")
    }

    /// Makes the peer forget what it holds under some keys, and have no load that is under way
    /// bring it back. Protocols without a message for several keys send one for each.
    ///
    /// # Errors
    ///
    /// As [`set`](Self::set).
    fn remove<'a>(&'a self, request: RemoveRequest<'a>) -> BoxFuture<'a, Result<(), Error>> {
        let _ = request;
        unsupported("remove keys")
    }

    /// Makes the peer forget all that it holds of a group.
    ///
    /// # Errors
    ///
    /// As [`set`](Self::set).
    fn clear<'a>(&'a self, group: &'a str, phase: Phase) -> BoxFuture<'a, Result<(), Error>> {
        let _ = (group, phase);
        unsupported("clear a group")
    }

    /// Asks what has changed in a group since the asker last heard.
    ///
    /// # Errors
    ///
    /// As [`set`](Self::set).
    fn changes<'a>(&'a self, request: ChangesRequest<'a>) -> BoxFuture<'a, Result<Changes, Error>> {
        let _ = request;
        unsupported("ask for changes")
    }
}

fn unsupported<T: Send + 'static>(operation: &'static str) -> BoxFuture<'static, Result<T, Error>> {
    Box::pin(async move { Err(Error::unsupported(operation, "peer's")) })
}
