use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Weak};

use parking_lot::RwLock;
use peers::{
    BoxFuture, Context, Error, GetManyReply, GetManyRequest, GetRequest, Knowledge, Member,
    OfferRequest, PeerClient, PeerService, RemoveRequest, Reply, SetRequest, Stamp, Transport,
};

use crate::Node;

/// A transport between nodes of one process: a request is a function call. Clones share the nodes.
#[derive(Clone, Default)]
pub(super) struct InProcess(Arc<RwLock<HashMap<String, Weak<dyn PeerService>>>>);

impl InProcess {
    /// Makes a node reachable.
    pub(super) fn connect(&self, node: &Node) {
        let url = node.member().url().into();
        self.0.write().insert(url, node.peer_service());
    }

    /// Makes a node unreachable.
    pub(super) fn disconnect(&self, node: &Node) {
        self.0.write().remove(node.member().url());
    }
}

impl Transport for InProcess {
    fn dial(&self, member: &Member) -> Result<Arc<dyn PeerClient>, Error> {
        Ok(Arc::new(Line {
            nodes: self.clone(),
            url: member.url().into(),
        }))
    }
}

/// The longest values that are answered from memory together, as over a connection.
const LONGEST_CACHED: usize = 256 << 10;

/// The way to one node.
struct Line {
    nodes: InProcess,
    url: String,
}

impl Line {
    fn node(&self) -> Result<Arc<dyn PeerService>, Error> {
        let node = self.nodes.0.read().get(&self.url).and_then(Weak::upgrade);
        node.ok_or_else(|| Error::unreachable(&self.url, "it is not connected"))
    }
}

impl PeerClient for Line {
    fn get<'a>(&'a self, request: GetRequest<'a>) -> BoxFuture<'a, Result<Reply, Error>> {
        at_peer(async move { self.node()?.get(request).await })
    }

    fn get_many<'a>(
        &'a self,
        request: GetManyRequest<'a>,
    ) -> BoxFuture<'a, Result<GetManyReply, Error>> {
        at_peer(async move {
            let node = self.node()?;
            match node.get_many_cached(request, LONGEST_CACHED) {
                Some(answer) => answer,
                None => node.get_many(request).await,
            }
        })
    }

    fn set<'a>(&'a self, request: SetRequest<'a>) -> BoxFuture<'a, Result<(), Error>> {
        at_peer(async move { self.node()?.set(request).await })
    }

    fn remove<'a>(&'a self, request: RemoveRequest<'a>) -> BoxFuture<'a, Result<(), Error>> {
        at_peer(async move { self.node()?.remove(request).await })
    }

    fn clear<'a>(
        &'a self,
        group: &'a str,
        stamp: Option<Stamp>,
    ) -> BoxFuture<'a, Result<(), Error>> {
        at_peer(async move { self.node()?.clear(group, stamp).await })
    }

    fn sync(&self, knowledge: Knowledge) -> BoxFuture<'_, Result<Knowledge, Error>> {
        at_peer(async move { self.node()?.sync(knowledge).await })
    }

    fn note_behind<'a>(&'a self, members: &'a [&'a str]) -> BoxFuture<'a, Result<(), Error>> {
        at_peer(async move { self.node()?.note_behind(members).await })
    }

    fn offer<'a>(&'a self, request: OfferRequest<'a>) -> BoxFuture<'a, Result<(), Error>> {
        at_peer(async move { self.node()?.offer(request).await })
    }
}

/// The work of another node. As over a connection, of the caller's context only the place in a trace goes along.
fn at_peer<'a, T>(work: impl Future<Output = T> + Send + 'a) -> BoxFuture<'a, T> {
    Box::pin(async move { Context::current().without_value().scope(work).await })
}

impl fmt::Debug for InProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.read().keys()).finish()
    }
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Line").field(&self.url).finish()
    }
}
