use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::pin::pin;
use std::ptr;
use std::sync::Arc;

use parking_lot::RwLock;
use peers::{
    BoxFuture, Coherence, Context, GetManyReply, GetManyRequest, GetRequest, Knowledge, Peer,
    PeerService, RemoveRequest, Reply, Router, SetRequest, Stamp,
};

use crate::clock::now;
use crate::trace::{recorded, recorded_now, spans};
use crate::{Error, Group};

/// The groups of a node by name, for its own callers and for peers.
#[derive(Debug)]
pub(crate) struct Groups {
    by_name: RwLock<HashMap<Arc<str>, Group>>,
    coherence: Arc<Coherence>,
}

impl Groups {
    pub(crate) fn new(coherence: Coherence) -> Self {
        Self {
            by_name: RwLock::default(),
            coherence: Arc::new(coherence),
        }
    }

    /// What the node knows of changes to its groups.
    pub(crate) fn coherence(&self) -> &Arc<Coherence> {
        &self.coherence
    }

    /// Makes a group findable.
    pub(crate) fn add(&self, group: &Group) -> Result<(), Error> {
        match self.by_name.write().entry(Arc::clone(&group.0.name)) {
            Entry::Occupied(taken) => Err(Error::group_exists(&**taken.key())),
            Entry::Vacant(free) => {
                free.insert(group.clone());
                Ok(())
            }
        }
    }

    /// The group of that name.
    pub(crate) fn find(&self, name: &str) -> Option<Group> {
        self.by_name.read().get(name).cloned()
    }

    /// All groups, in the order of their names.
    pub(crate) fn list(&self) -> Vec<Group> {
        let mut groups: Vec<Group> = self.by_name.read().values().cloned().collect();
        groups.sort_by(|a, b| a.name().cmp(b.name()));
        groups
    }

    /// Makes a group unfindable.
    pub(crate) fn remove(&self, name: &str) -> Option<Group> {
        self.by_name.write().remove(name)
    }
}

impl Groups {
    /// The peer with this id: of the node, or of a group that has members of its own.
    pub(super) fn peer(&self, router: &Router, id: &str) -> Option<Peer> {
        let of = |router: &Router| {
            let routes = router.routes();
            let mut peers = routes.peers().iter().filter(|peer| !peer.is_self());
            peers.find(|peer| peer.member().id() == id).cloned()
        };
        of(router).or_else(|| {
            let by_name = self.by_name.read();
            by_name.values().find_map(|group| of(&group.0.router))
        })
    }

    /// The ids of all peers: of the node, and of groups that have members of their own.
    pub(super) fn peers_ids(&self, router: &Router) -> HashSet<Box<str>> {
        let by_name = self.by_name.read();
        let mut routers: Vec<&Router> = by_name.values().map(|group| &*group.0.router).collect();
        routers.push(router);
        routers.sort_by_key(|router| ptr::from_ref(*router));
        routers.dedup_by_key(|router| ptr::from_ref(*router));
        let mut ids = HashSet::new();
        for router in routers {
            let routes = router.routes();
            let peers = routes.peers().iter().filter(|peer| !peer.is_self());
            ids.extend(peers.map(|peer| peer.member().id().into()));
        }
        ids
    }

    /// This node has made changes that nobody could name, so that it cannot take them along. Until it has
    /// compared with a peer, that peer may be older.
    fn distrust_all(&self) {
        let mut seen = HashSet::new();
        for group in self.list() {
            for peer in group.0.router.routes().peers() {
                if !peer.is_self() && seen.insert(peer.member().id().to_owned()) {
                    self.coherence.may_lack_any(peer, now());
                }
            }
        }
    }

    /// A change reached this node of a group that it does not have. It has nothing to forget.
    fn made_of_other_group(
        &self,
        group: &str,
        keys: &[&[u8]],
        stamp: Option<Stamp>,
    ) -> peers::Error {
        if stamp.is_some() {
            self.coherence.hear(group, keys, stamp);
            self.coherence.made(stamp, keys.len());
        }
        peers::Error::no_such_group(group)
    }

    /// Makes the changes that a peer knows and this node does not.
    pub(super) fn make(&self, theirs: &Knowledge) {
        for change in self.coherence.hear_named(&theirs.changes) {
            let Some(group) = self.find(&change.group) else {
                continue;
            };
            match &change.key {
                Some(key) => group.0.forget(key),
                None => group.0.forget_all(),
            }
        }
        for unnamed in &theirs.unnamed {
            self.coherence.hear_all(&unnamed.group, None);
            if let Some(group) = self.find(&unnamed.group) {
                tracing::info!(
                    group = group.name(),
                    "a group is cleared: this node has missed too many changes"
                );
                group.0.forget_all();
            }
        }
        self.coherence.absorb(theirs);
        if !theirs.unnamed.is_empty() {
            self.distrust_all();
        }
    }

    fn asked_for(&self, name: &str) -> Result<Group, peers::Error> {
        self.find(name)
            .ok_or_else(|| peers::Error::no_such_group(name))
    }
}

impl PeerService for Groups {
    fn has_group(&self, group: &str) -> bool {
        self.by_name.read().contains_key(group)
    }

    fn get_cached(&self, request: GetRequest<'_>) -> Option<Result<Reply, peers::Error>> {
        let group = self.find(request.group)?;
        let answer = group.0.serve_cached(&request)?;
        let answer = answer.map_err(|error| error.to_answer());
        if Context::current_trace().is_some_and(|trace| trace.is_sampled()) {
            recorded_now(&spans::serve("get", request.group, 1), &answer);
        }
        Some(answer)
    }

    fn get<'a>(&'a self, request: GetRequest<'a>) -> BoxFuture<'a, Result<Reply, peers::Error>> {
        Box::pin(async move {
            let span = spans::serve("get", request.group, 1);
            let work = async {
                let group = self.asked_for(request.group)?;
                let reply = group.0.serve_get(&request).await;
                reply.map_err(|error| error.to_answer())
            };
            recorded(span, pin!(work)).await
        })
    }

    fn get_many<'a>(
        &'a self,
        request: GetManyRequest<'a>,
    ) -> BoxFuture<'a, Result<GetManyReply, peers::Error>> {
        Box::pin(async move {
            let span = spans::serve("get_many", request.group, request.keys.len());
            let work = async {
                let group = self.asked_for(request.group)?;
                Ok(group.0.serve_get_many(&request).await)
            };
            recorded(span, pin!(work)).await
        })
    }

    fn set<'a>(&'a self, request: SetRequest<'a>) -> BoxFuture<'a, Result<(), peers::Error>> {
        Box::pin(async move {
            let span = spans::serve("set", request.group, 1);
            let work = async {
                let Some(group) = self.find(request.group) else {
                    let (group, keys) = (request.group, &[request.key]);
                    return Err(self.made_of_other_group(group, keys, request.stamp));
                };
                let taken = group.0.serve_set(&request).await;
                taken.map_err(|error| error.to_answer())
            };
            recorded(span, pin!(work)).await
        })
    }

    fn remove<'a>(&'a self, request: RemoveRequest<'a>) -> BoxFuture<'a, Result<(), peers::Error>> {
        Box::pin(async move {
            let span = spans::serve("remove", request.group, request.keys.len());
            let work = async {
                let Some(group) = self.find(request.group) else {
                    let RemoveRequest { group, keys, stamp } = request;
                    return Err(self.made_of_other_group(group, keys, stamp));
                };
                group.0.serve_remove(&request).await;
                Ok(())
            };
            recorded(span, pin!(work)).await
        })
    }

    fn clear<'a>(
        &'a self,
        group: &'a str,
        stamp: Option<Stamp>,
    ) -> BoxFuture<'a, Result<(), peers::Error>> {
        Box::pin(async move {
            let span = spans::serve("clear", group, 0);
            let work = async {
                self.asked_for(group)?.0.serve_clear(stamp).await;
                Ok(())
            };
            recorded(span, pin!(work)).await
        })
    }

    fn sync(&self, theirs: Knowledge) -> BoxFuture<'_, Result<Knowledge, peers::Error>> {
        Box::pin(async move {
            self.make(&theirs);
            Ok(self.coherence.lacking(&theirs))
        })
    }

    fn note_behind<'a>(
        &'a self,
        members: &'a [&'a str],
    ) -> BoxFuture<'a, Result<(), peers::Error>> {
        Box::pin(async move {
            let groups = self.list();
            for id in members {
                let mut routers = groups.iter().map(|group| &group.0.router);
                if let Some(peer) = routers.find_map(|router| self.peer(router, id)) {
                    self.coherence.may_lack_any(&peer, now());
                }
            }
            Ok(())
        })
    }
}
