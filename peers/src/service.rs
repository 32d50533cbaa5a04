use crate::{BoxFuture, Error, GetRequest, Reply};

/// What a server asks of its own node on behalf of a peer: the serving half of every wire format.
///
/// A node answers from its cache or by a load of its own. It never forwards, so that two nodes
/// whose rings disagree cannot wait for each other.
pub trait PeerService: Send + Sync + 'static {
    /// Answers a peer's question.
    ///
    /// # Errors
    ///
    /// Any error the node would give a local caller; the protocol decides how to say it.
    fn get<'a>(&'a self, request: GetRequest<'a>) -> BoxFuture<'a, Result<Reply, Error>>;
}
