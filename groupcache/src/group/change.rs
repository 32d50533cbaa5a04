//! Remove, set and clear: what every node holds of a key is taken out or replaced, fenced against
//! the loads under way.
//!
//! In two phases, because a mirror that is taken out may come back as long as somebody still serves
//! the old value. The first phase goes to those who answer for a key, its owner and the successors
//! that stand in for it; once they are done, nobody who asks them gets the old value. The second
//! goes to all the others, and to the successors again, who may have asked the owner in between.
//!
//! A change has a number, by which who was told of it in the second phase knows it again in the
//! [log](super::change_log) of an owner.

use std::collections::HashMap;
use std::sync::Arc;

use byteview::ByteView;
use peers::{Peer, Phase, RemoveRequest, Routes, SetRequest};
use tokio::task::JoinSet;

use super::inner::Inner;
use crate::error::FailedPeer;
use crate::store::Tier;
use crate::{Error, Key, Value};

/// What a peer, or this node, is told.
#[derive(Clone)]
pub(super) enum Change {
    Remove(Vec<Key>),
    Set(Key, Value),
    Clear,
}

impl Inner {
    /// Takes some keys out everywhere.
    pub(super) async fn remove_everywhere(self: Arc<Self>, keys: Vec<Key>) -> Result<(), Error> {
        let number = self.log.next_number();
        let routes = self.router.snapshot();
        let mut first: HashMap<usize, Vec<Key>> = HashMap::new();
        let mut here: Vec<Key> = Vec::new();
        for key in &keys {
            for peer in self.answering(&routes, key) {
                match peer.is_self() {
                    true => here.push(key.clone()),
                    false => first
                        .entry(place(&routes, peer))
                        .or_default()
                        .push(key.clone()),
                }
            }
        }
        self.remove_here(&here, Phase::First(number));
        let first = first
            .into_iter()
            .map(|(place, keys)| (routes.peers()[place].clone(), Change::Remove(keys)));
        let mut failed = self.tell(first, Phase::First(number)).await;

        self.remove_here(&keys, Phase::Last(number));
        let all = others(&routes).map(|peer| (peer, Change::Remove(keys.clone())));
        failed.extend(self.tell(all, Phase::Last(number)).await);
        verdict(failed)
    }

    /// Gives a key a value: its owner keeps it, and all others forget the old one.
    pub(super) async fn set_everywhere(
        self: Arc<Self>,
        key: Key,
        value: Value,
    ) -> Result<(), Error> {
        let number = self.log.next_number();
        let routes = self.router.snapshot();
        let owner = routes.owner(&key).filter(|owner| !owner.is_self()).cloned();
        let forget = Change::Remove(vec![key.clone()]);
        let standing_in = self
            .answering(&routes, &key)
            .skip(1)
            .filter(|peer| !peer.is_self());
        let mut first: Vec<_> = standing_in
            .map(|peer| (peer.clone(), forget.clone()))
            .collect();
        match &owner {
            Some(owner) => first.push((owner.clone(), Change::Set(key.clone(), value))),
            None => self.set_here(key.clone(), value, Phase::First(number)),
        }
        let mut failed = self.tell(first, Phase::First(number)).await;

        if owner.is_some() {
            self.remove_here(std::slice::from_ref(&key), Phase::Last(number));
        }
        let owner_id = owner.as_ref().map(|owner| owner.member().id().to_owned());
        let all = others(&routes)
            .filter(|peer| Some(peer.member().id()) != owner_id.as_deref())
            .map(|peer| (peer, forget.clone()));
        failed.extend(self.tell(all, Phase::Last(number)).await);
        verdict(failed)
    }

    /// Takes all keys out everywhere. Every node answers for some, so both phases go to all.
    pub(super) async fn clear_everywhere(self: Arc<Self>) -> Result<(), Error> {
        let routes = self.router.snapshot();
        let number = self.log.next_number();
        let mut failed = Vec::new();
        for phase in [Phase::First(number), Phase::Last(number)] {
            self.clear_here(phase);
            let all = others(&routes).map(|peer| (peer, Change::Clear));
            failed.extend(self.tell(all, phase).await);
        }
        verdict(failed)
    }

    /// Those who may be asked for the key: its owner, and the successors that stand in for it.
    fn answering<'a>(
        &self,
        routes: &'a Routes,
        key: &Key,
    ) -> impl Iterator<Item = &'a Peer> + use<'a> {
        routes.owners(key).take(1 + self.limits.failovers)
    }

    /// Tells each peer its change, all at the same time, and returns those that failed.
    /// Those will be told again.
    async fn tell(
        self: &Arc<Self>,
        changes: impl IntoIterator<Item = (Peer, Change)>,
        phase: Phase,
    ) -> Vec<FailedPeer> {
        let mut told = JoinSet::new();
        for (peer, change) in changes {
            let inner = Arc::clone(self);
            let told_peer = async move {
                match inner.tell_peer(&peer, &change, phase).await {
                    Ok(()) => {
                        inner.backlogs.told(peer.member().id(), &change);
                        None
                    }
                    Err(error) => {
                        inner.tell_again(&peer, change, &error);
                        Some(FailedPeer::new(peer.member().clone(), error))
                    }
                }
            };
            told.spawn_on(told_peer, &self.runtime);
        }
        told.join_all().await.into_iter().flatten().collect()
    }

    pub(super) async fn tell_peer(
        &self,
        peer: &Peer,
        change: &Change,
        phase: Phase,
    ) -> Result<(), peers::Error> {
        let group = &*self.name;
        match change {
            Change::Remove(keys) => {
                let keys: Vec<&[u8]> = keys.iter().map(Key::as_bytes).collect();
                peer.remove(RemoveRequest {
                    group,
                    keys: &keys,
                    phase,
                })
                .await
            }
            Change::Set(key, value) => {
                peer.set(SetRequest {
                    group,
                    key,
                    value: value.view().clone(),
                    expires_at: value.expiry().moment(self.clock.now()),
                    phase,
                })
                .await
            }
            Change::Clear => peer.clear(group, phase).await,
        }
    }

    /// Forgets keys on this node that are removed everywhere, and writes down that they are.
    pub(crate) fn remove_here(&self, keys: &[impl AsRef<[u8]>], phase: Phase) {
        self.forget(keys);
        self.write_down(keys, phase);
        self.take_note(phase);
    }

    /// Peers may hold what this node has told them of its keys.
    fn write_down(&self, keys: &[impl AsRef<[u8]>], phase: Phase) {
        let routes = self.router.routes();
        let is_own = |key: &&[u8]| routes.owner(key).is_some_and(Peer::is_self);
        let own = keys.iter().map(AsRef::as_ref).filter(is_own);
        self.log.add(own.map(|key| Some(Key::from(key))), phase);
    }

    /// What was told in the last phase is done with. What was told in the first is not: this node may
    /// since have got an old value from somebody who was told later.
    fn take_note(&self, phase: Phase) {
        if let Phase::Last(number) = phase {
            self.told.lock().insert(number);
        }
    }

    /// Whether this node need not heed a change with that number.
    pub(super) fn was_told(&self, number: u64) -> bool {
        number != 0 && self.told.lock().contains(number)
    }

    /// Forgets keys on this node: their entries, and that they are being fetched or loaded.
    ///
    /// The flights come last: one that starts in between may still find the entry and land with it,
    /// and must not be joined by those who ask after the removal.
    pub(super) fn forget(&self, keys: &[impl AsRef<[u8]>]) {
        for key in keys {
            let key = key.as_ref();
            self.fence.raise(key);
            self.store.remove(key);
            self.forget_flights(key);
        }
    }

    /// Forgets `key` on this node if it still holds these bytes.
    pub(crate) fn remove_here_if(&self, key: &[u8], bytes: &ByteView) {
        if self.store.get(key).is_some_and(|held| held.value == *bytes) {
            self.forget(&[key]);
        }
    }

    /// Takes a value as the key's owner. One that is past its time already only replaces.
    pub(crate) fn set_here(&self, key: Key, value: Value, phase: Phase) {
        let now = self.clock.now();
        let lifetime = self.aging.of_load(value.expiry(), now);
        if !lifetime.is_kept(now) {
            return self.remove_here(&[key], phase);
        }
        // Raised under the lock of the entry: a load that takes its stamp before does not store
        // over the new value, one that takes it afterwards finds the value there.
        let raise = || {
            self.fence.raise(&key);
            true
        };
        let view = value.into_view().compact();
        self.store
            .insert_if(key.clone(), view, Tier::Main, lifetime, raise);
        self.forget_flights(&key);
        self.write_down(&[key], phase);
    }

    /// Forgets what this node holds of a key that another owns, once the fence of all mirrors is raised.
    pub(super) fn forget_mirror(&self, key: &[u8]) {
        self.store.remove(key);
        self.fetches.forget(key);
    }

    /// Forgets all keys that others own. Not only those of one owner: which those were may have changed.
    pub(super) fn forget_others_keys(&self) {
        self.fence.raise_mirrors();
        let routes = self.router.snapshot();
        self.store
            .retain(|key| routes.owner(key).is_none_or(Peer::is_self));
        self.fetches.forget_all();
    }

    fn forget_flights(&self, key: &[u8]) {
        self.fetches.forget(key);
        self.loads.forget(key);
    }

    /// Forgets everything on this node.
    pub(crate) fn clear_here(&self, phase: Phase) {
        self.fence.raise_all();
        self.store.clear();
        self.fetches.forget_all();
        self.loads.forget_all();
        self.log.add([None], phase);
        self.take_note(phase);
    }
}

fn place(routes: &Routes, peer: &Peer) -> usize {
    // Peers of one snapshot have distinct ids.
    routes
        .peers()
        .iter()
        .position(|other| other.member().id() == peer.member().id())
        .unwrap_or_default()
}

/// All peers but this node.
pub(super) fn others(routes: &Routes) -> impl Iterator<Item = Peer> {
    routes
        .peers()
        .iter()
        .filter(|peer| !peer.is_self())
        .cloned()
}

fn verdict(mut failed: Vec<FailedPeer>) -> Result<(), Error> {
    failed.sort_by(|one, other| one.member().cmp(other.member()));
    failed.dedup_by(|one, other| one.member() == other.member());
    match failed.is_empty() {
        true => Ok(()),
        false => Err(Error::peers_failed(failed)),
    }
}
