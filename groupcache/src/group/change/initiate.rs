//! A change on its way through the cluster.
//!
//! It goes in two phases, because a mirror that is removed may come back as long as any node still
//! serves the old value. The first phase goes to the nodes that answer for a key: its owner, and the
//! successors that stand in for it. Once it has ended, none of them answers with the old value. The
//! last phase goes to all nodes: also the successors may have asked the owner in between. After a set the
//! owner is left out, because it has the new value.

use std::collections::HashMap;
use std::slice;
use std::sync::Arc;

use peers::{Peer, Phase, Routes};

use super::send::Change;
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
        let id = self.coherence.next_change();
        let routes = self.router.snapshot();
        let (mut own, mut by_owner) = (Vec::new(), HashMap::<&str, (Peer, Vec<Key>)>::new());
        for key in &keys {
            for peer in self.owners(&routes, key) {
                if peer.is_self() {
                    own.push(key.clone());
                    continue;
                }
                let (_, its_keys) = by_owner
                    .entry(peer.member().id())
                    .or_insert_with(|| (peer.clone(), Vec::new()));
                its_keys.push(key.clone());
            }
        }
        self.remove_here(&own, Phase::First(id));
        let first = by_owner
            .into_values()
            .map(|(peer, keys)| (peer, Change::Remove(keys)));
        let mut failed = self.send_all(first, Phase::First(id)).await;

        self.remove_here(&keys, Phase::Last(id));
        let last = others(&routes).map(|peer| (peer.clone(), Change::Remove(keys.clone())));
        failed.extend(self.send_all(last, Phase::Last(id)).await);
        failed
    }

    /// Gives a key a value: its owner keeps the value, and all other nodes forget the old one.
    pub(in crate::group) async fn set_everywhere(
        self: Arc<Self>,
        key: Key,
        value: Value,
    ) -> Result<(), Error> {
        let id = self.coherence.next_change();
        let routes = self.router.snapshot();
        let owner = routes.owner(&key).filter(|owner| !owner.is_self());
        let remove = Change::Remove(vec![key.clone()]);
        let stand_ins = self.owners(&routes, &key).skip(1);
        let mut first: Vec<_> = stand_ins
            .filter(|peer| !peer.is_self())
            .map(|peer| (peer.clone(), remove.clone()))
            .collect();
        match owner {
            Some(owner) => first.push((owner.clone(), Change::Set(key.clone(), value))),
            None => self.set_here(key.clone(), value, Phase::First(id)),
        }
        let mut failed = self.send_all(first, Phase::First(id)).await;

        if owner.is_some() {
            self.remove_here(slice::from_ref(&key), Phase::Last(id));
        }
        let owner = owner.map(|owner| owner.member().id());
        let last = others(&routes)
            .filter(|peer| Some(peer.member().id()) != owner)
            .map(|peer| (peer.clone(), remove.clone()));
        failed.extend(self.send_all(last, Phase::Last(id)).await);
        verdict(failed)
    }

    /// Removes all keys on all nodes. Every node answers for some keys, so both phases go to all.
    pub(in crate::group) async fn clear_everywhere(self: Arc<Self>) -> Result<(), Error> {
        let id = self.coherence.next_change();
        let routes = self.router.snapshot();
        let mut failed = Vec::new();
        for phase in [Phase::First(id), Phase::Last(id)] {
            self.clear_here(phase);
            let all = others(&routes).map(|peer| (peer.clone(), Change::Clear));
            failed.extend(self.send_all(all, phase).await);
        }
        verdict(failed)
    }
}

/// All peers but this node.
fn others(routes: &Routes) -> impl Iterator<Item = &Peer> {
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
