use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::iter;
use std::pin::pin;
use std::sync::{Arc, Weak};

use parking_lot::RwLock;
use peers::{
    BoxFuture, ChangeId, Coherence, Context, GetManyReply, GetManyRequest, GetRequest, Knowledge,
    NamedChange, OfferRequest, Peer, PeerService, RemoveRequest, Reply, Router, SetRequest, Stamp,
};

use super::hand_over::HandOver;
use crate::clock::now;
use crate::trace::{recorded, recorded_now, spans};
use crate::{Error, Group};

/// The groups of a node by name, for its own callers and for peers.
#[derive(Debug)]
pub(crate) struct Groups {
    by_name: RwLock<HashMap<Arc<str>, Group>>,
    coherence: Arc<Coherence>,
    pub(super) router: Arc<Router>,
    pub(super) hand_over: HandOver,
    pub(super) this: Weak<Self>,
}

impl Groups {
    pub(super) fn new(coherence: Coherence, router: Arc<Router>, hand_over: HandOver) -> Arc<Self> {
        Arc::new_cyclic(|this| Self {
            by_name: RwLock::default(),
            coherence: Arc::new(coherence),
            router,
            hand_over,
            this: Weak::clone(this),
        })
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
                self.coherence.news().notify_one(); // it may have members of its own
                Ok(())
            }
        }
    }

    /// The group of that name.
    pub(crate) fn find(&self, name: &str) -> Option<Group> {
        self.by_name.read().get(name).cloned()
    }

    /// Whether changes that reach the node reach this group.
    #[cfg(feature = "disk")]
    pub(crate) fn has(&self, group: &Arc<crate::group::Inner>) -> bool {
        let held = self.find(&group.name);
        held.is_some_and(|held| Arc::ptr_eq(&held.0, group))
    }

    /// Ends the disks of all groups in order.
    #[cfg(feature = "disk")]
    pub(super) async fn close_disks(&self) {
        let groups = self.list();
        let closed = groups
            .iter()
            .map(|group| group.0.close_disk(|group| self.has(group)));
        futures_util::future::join_all(closed).await;
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
    /// All peers: of the node, and of groups that have members of their own, also those that leave. Each once.
    pub(super) fn peers(&self) -> Vec<Peer> {
        let (mut members, mut peers) = (HashSet::new(), Vec::new());
        for router in self.routers() {
            let routes = router.snapshot();
            let others = routes.peers().iter().filter(|peer| !peer.is_self());
            let others = others.cloned().chain(router.leaving());
            peers.extend(others.filter(|peer| members.insert(peer.member().clone())));
        }
        peers
    }

    /// The node's router, and those of groups that have members of their own.
    pub(super) fn routers(&self) -> Vec<Arc<Router>> {
        let groups = self.list();
        let of_groups = groups.iter().map(|group| &group.0.router);
        let mut seen = HashSet::new();
        let routers = iter::once(&self.router).chain(of_groups);
        let routers = routers.filter(|router| seen.insert(Arc::as_ptr(router)));
        routers.cloned().collect()
    }

    /// Notes that a peer has called this node: it may be well, whatever this node has found before.
    fn note_call(&self, member: &str) {
        let routers = self.routers().into_iter();
        let peers = routers.filter_map(|router| router.peer(member));
        peers.for_each(|peer| peer.note_call());
    }

    /// Makes a change, also of a group that this node does not have: then it has nothing to forget.
    fn make_one(&self, group: &str, key: Option<&[u8]>, id: ChangeId) {
        match self.find(group) {
            Some(group) => group.0.make(key, Some(id)),
            None => {
                self.coherence.hear(group, key, Some(id));
                self.coherence.made(Some(id));
            }
        }
    }

    /// The answer to a change of keys, or of all keys, of a group that this node does not have.
    fn made_of_other_group(
        &self,
        group: &str,
        keys: Option<&[&[u8]]>,
        stamp: Option<Stamp>,
    ) -> peers::Error {
        if let Some(stamp) = stamp {
            match keys {
                Some(keys) => (0..).zip(keys).for_each(|(place, key)| {
                    self.make_one(group, Some(key), stamp.at(place).id);
                }),
                None => self.make_one(group, None, stamp.id),
            }
        }
        peers::Error::no_such_group(group)
    }

    /// Makes the changes that a peer knows and this node does not.
    pub(super) fn make(&self, theirs: &Knowledge) {
        for NamedChange { id, group, key } in &theirs.changes {
            self.make_one(group, key.as_deref(), *id);
        }
        let unnamed_changes = self.coherence.unnamed(theirs);
        for unnamed in &unnamed_changes {
            let group = &unnamed.group;
            match self.find(group) {
                Some(group) => group.0.make_unnamed(theirs, unnamed),
                None => drop(self.coherence.hear(group, None, None)),
            }
        }
        self.coherence.absorb(theirs, &unnamed_changes);
    }

    /// Whether this node offers values, and takes what it is offered.
    pub(crate) fn hands_over(&self) -> bool {
        self.hand_over.runtime.is_some()
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

    #[cfg(feature = "disk")]
    fn degraded(&self) -> Option<String> {
        let groups = self.list();
        let names = groups.iter().filter(|group| {
            let disk = group.disk();
            disk.is_some_and(|disk| disk.state == crate::DiskState::Degraded)
        });
        let names: Vec<_> = names.map(Group::name).collect();
        (!names.is_empty()).then(|| format!("degraded: no disk for {}", names.join(", ")))
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

    fn get_many_cached(
        &self,
        request: GetManyRequest<'_>,
        room: usize,
    ) -> Option<Result<GetManyReply, peers::Error>> {
        let group = self.find(request.group)?;
        let answer = Ok(group.0.serve_many_cached(&request, room)?);
        if Context::current_trace().is_some_and(|trace| trace.is_sampled()) {
            let keys = request.keys.len();
            recorded_now(&spans::serve("get_many", request.group, keys), &answer);
        }
        Some(answer)
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
                    return Err(self.made_of_other_group(group, Some(keys), request.stamp));
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
                    return Err(self.made_of_other_group(group, Some(keys), stamp));
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
                let Some(group) = self.find(group) else {
                    return Err(self.made_of_other_group(group, None, stamp));
                };
                group.0.serve_clear(stamp).await;
                Ok(())
            };
            recorded(span, pin!(work)).await
        })
    }

    fn sync(&self, theirs: Knowledge) -> BoxFuture<'_, Result<Knowledge, peers::Error>> {
        Box::pin(async move {
            self.note_call(&theirs.member);
            self.note_start(&theirs);
            self.make(&theirs);
            Ok(self.coherence.answer(&theirs, now()))
        })
    }

    fn note_behind<'a>(
        &'a self,
        members: &'a [&'a str],
    ) -> BoxFuture<'a, Result<(), peers::Error>> {
        Box::pin(async move {
            let members: HashSet<&str> = members.iter().copied().collect();
            for peer in self.peers() {
                if members.contains(peer.member().id()) {
                    self.coherence.may_lack_some(&peer, now());
                }
            }
            Ok(())
        })
    }
    fn offer<'a>(&'a self, request: OfferRequest<'a>) -> BoxFuture<'a, Result<(), peers::Error>> {
        Box::pin(async move {
            let OfferRequest {
                member,
                group,
                keys,
            } = request;
            let group = self.asked_for(group)?;
            if !self.hands_over() {
                return Err(peers::Error::unsupported(
                    "take what it is offered",
                    "node's",
                ));
            }
            match group.0.router.peer(member) {
                Some(peer) => group.0.take_offered(&peer, keys).await,
                None => Err(peers::Error::status(
                    409,
                    format!("{member:?} is no member of this node's"),
                )),
            }
        })
    }
}
