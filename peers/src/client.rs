use std::fmt;

use crate::{BoxFuture, Error, GetRequest, Reply};

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
}
