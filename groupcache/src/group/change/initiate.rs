//! A change on its way through the cluster.
//!
//! It goes to all nodes at once. A node that has heard of it takes it along with every request for the key, so that no
//! node gets the old value from one that has not: see [`peers::Coherence`].
//!
//! A set goes to the key's owner first, so that the value is there before anybody asks for it.
//!
//! Where the protocol carries no names of changes, a mirror that is removed may come back as long as any node still serves
//! the old value. So such a change goes to the nodes that answer for a key first: its owner, and the successors that stand in
//! for it.

use std::collections::HashMap;
use std::slice;
use std::sync::Arc;

use futures_util::future::{join, join_all};
use peers::{Member, Peer, Routes, Stamp};

use super::send::Change;
use crate::clock::now;
use crate::error::FailedPeer;
use crate::group::inner::Inner;
use crate::{Error, Key, Value};

impl Inner {
    /// Removes keys on all nodes.
    pub(in crate::group) async fn remove_everywhere(
        self: Arc<Self>,
        keys: Vec<Key>,
    ) -> Result<(), Error> {
        verdict(self.remove_from_all(keys).await)
    }

    /// The same, with the peers that were not reached. A peer may be among them twice.
    pub(in crate::group) async fn remove_from_all(
        self: &Arc<Self>,
        keys: Vec<Key>,
    ) -> Vec<FailedPeer> {
        let keys: Arc<[Key]> = keys.into();
        let (routes, since) = (self.router.snapshot(), self.coherence.position());
        let stamp = Some(self.coherence.begin(keys.len(), routes.members_hash()));
        self.remove_here(&keys, stamp);
        let mut failed = Vec::new();
        if !self.names_changes {
            let first = self.by_owner(&routes, &keys);
            failed = self.send_all(first, stamp, since).await;
            // What came from an owner meanwhile is old.
            self.remove_here(&keys, None);
        }
        let change = Change::Remove(Arc::clone(&keys));
        failed.extend(self.send_to_all(&routes, None, &change, stamp, since).await);
        let failed = self.tell_who_is_behind(&routes, failed).await;
        self.outlast_leases(&routes, &keys, failed).await
    }

    /// The removals of the keys at those who answer for them.
    fn by_owner(&self, routes: &Routes, keys: &[Key]) -> Vec<(Peer, Change)> {
        let mut by_owner = HashMap::<&str, (Peer, Vec<Key>)>::new();
        for key in keys {
            for peer in self.owners(routes, key).filter(|peer| !peer.is_self()) {
                let (_, its_keys) = by_owner
                    .entry(peer.member().id())
                    .or_insert_with(|| (peer.clone(), Vec::new()));
                its_keys.push(key.clone());
            }
        }
        let by_owner = by_owner.into_values();
        by_owner
            .map(|(peer, keys)| (peer, Change::Remove(keys.into())))
            .collect()
    }

    /// Gives a key a value: its owner keeps the value, and all other nodes forget the old one.
    pub(in crate::group) async fn set_everywhere(
        self: Arc<Self>,
        key: Key,
        value: Value,
    ) -> Result<(), Error> {
        let (routes, since) = (self.router.snapshot(), self.coherence.position());
        // In this order: what was known is no older than the beginning.
        let stamp = Some(self.coherence.begin(1, routes.members_hash()));
        let known = self.coherence.known(&self.name, &key);
        let owner = routes.owner(&key).filter(|owner| !owner.is_self());
        let mut failed = Vec::new();
        match owner {
            Some(owner) => {
                let set = Change::Set(key.clone(), value, known.into());
                failed = self.send_all([(owner.clone(), set)], stamp, since).await;
                self.remove_here(slice::from_ref(&key), stamp);
                if self.names_changes && !failed.is_empty() {
                    // Once more: an exchange may have ended before this node had heard of the change.
                    self.coherence.not_told(owner, since, now());
                }
            }
            None => self.set_here(key.clone(), value, stamp, &known),
        }
        let owner = owner.map(|owner| owner.member().id());
        let remove = Change::Remove(Arc::new([key.clone()]));
        failed.extend(
            self.send_to_all(&routes, owner, &remove, stamp, since)
                .await,
        );
        let failed = self.tell_who_is_behind(&routes, failed).await;
        let keys = slice::from_ref(&key);
        verdict(self.outlast_leases(&routes, keys, failed).await)
    }

    /// Removes all keys on all nodes.
    pub(in crate::group) async fn clear_everywhere(self: Arc<Self>) -> Result<(), Error> {
        let (routes, since) = (self.router.snapshot(), self.coherence.position());
        let stamp = Some(self.coherence.begin(1, routes.members_hash()));
        self.clear_here(stamp);
        let mut failed = Vec::new();
        let clear = &Change::Clear;
        if !self.names_changes {
            failed = self.send_to_all(&routes, None, clear, stamp, since).await;
            // What came from an owner meanwhile is old. Every node answers for some keys.
            self.clear_here(None);
        }
        failed.extend(self.send_to_all(&routes, None, clear, stamp, since).await);
        verdict(self.tell_who_is_behind(&routes, failed).await)
    }

    /// Sends a change to all members but this node and the one with the id `except`, and to members that leave or have left
    /// lately, whom other nodes may still ask. Then it sends the change to members that have joined meanwhile. Returns the
    /// members that failed.
    async fn send_to_all(
        self: &Arc<Self>,
        routes: &Routes,
        except: Option<&str>,
        change: &Change,
        stamp: Option<Stamp>,
        since: u64,
    ) -> Vec<FailedPeer> {
        let with = |peer: Peer| (peer, change.clone());
        let members = others(routes).filter(|peer| Some(peer.member().id()) != except);
        let told = self.send_all(members.cloned().map(with), stamp, since);
        let left = self.router.off_the_ring().into_iter().map(with);
        let (mut failed, mut left) = join(told, self.send_all(left, stamp, since)).await;
        if self.freshness.mirror_lease.is_some() {
            // One that leaves still serves its own callers.
            let leaving = self.router.leaving();
            let is_leaving = |peer: &Peer, left: &FailedPeer| peer.member() == left.member();
            left.retain(|left| leaving.iter().any(|peer| is_leaving(peer, left)));
            failed.append(&mut left);
        }
        let now = self.router.snapshot();
        let joined = Peer::without(now.peers(), routes.peers()).map(with);
        failed.extend(self.send_all(joined, stamp, since).await);
        failed
    }

    /// Tells all who got a change who did not, before the change returns: whoever reaches these first tells them, also if
    /// this node has died by then.
    async fn tell_who_is_behind(
        &self,
        routes: &Routes,
        failed: Vec<FailedPeer>,
    ) -> Vec<FailedPeer> {
        let members = failed.iter().map(FailedPeer::member);
        let behind = members.filter(|member| self.coherence.is_behind(member));
        let behind: Vec<&str> = behind.map(Member::id).collect();
        if self.names_changes && !behind.is_empty() {
            let has_failed =
                |peer: &&Peer| failed.iter().any(|failed| failed.member() == peer.member());
            let told = others(routes).filter(|peer| !has_failed(peer));
            join_all(told.map(|peer| peer.note_behind(&behind))).await;
        }
        failed
    }
}

/// All peers but this node.
pub(super) fn others(routes: &Routes) -> impl Iterator<Item = &Peer> {
    routes.peers().iter().filter(|peer| !peer.is_self())
}

/// The outcome of a change that did not reach these peers.
pub(in crate::group) fn verdict(mut failed: Vec<FailedPeer>) -> Result<(), Error> {
    name_once(&mut failed);
    if failed.is_empty() {
        Ok(())
    } else {
        Err(Error::peers_failed(failed))
    }
}

/// Leaves one failure of each peer.
pub(in crate::group) fn name_once(failed: &mut Vec<FailedPeer>) {
    failed.sort_by(|one, other| one.member().cmp(other.member()));
    failed.dedup_by(|one, other| one.member() == other.member());
}
