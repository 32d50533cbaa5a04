use byteview::ByteView;
use peers::{Peer, Phase};

use crate::group::inner::Inner;
use crate::store::Tier;
use crate::{Key, Value};

impl Inner {
    /// Removes keys on this node.
    pub(in crate::group) fn remove_here(&self, keys: &[impl AsRef<[u8]>], phase: Phase) {
        for key in keys {
            self.forget(key.as_ref());
        }
        self.log_change(keys, phase);
    }

    /// Takes a value as the key's owner. A value that has expired already only replaces the old one.
    pub(in crate::group) fn set_here(&self, key: Key, value: Value, phase: Phase) {
        let now = self.clock.now();
        let lifetime = self.freshness.of_load(value.expiry(), now);
        if !lifetime.is_kept(now) {
            return self.remove_here(&[key], phase);
        }
        // The fence is raised under the lock of the entry: a load that took its stamp before does not
        // store over the new value, and one that takes its stamp afterwards finds the value there.
        let raise = || {
            self.fence.raise(&key);
            true
        };
        let view = value.into_view().compact();
        self.store
            .insert_if(key.clone(), view, Tier::Main, lifetime, raise);
        self.forget_flights(&key);
        self.failures.clear(&key);
        self.log_change(&[key], phase);
    }

    /// Removes everything on this node.
    pub(in crate::group) fn clear_here(&self, phase: Phase) {
        self.fence.raise_all();
        self.store.clear();
        self.loads.forget_all();
        self.fetches.forget_all();
        self.failures.clear_all();
        self.coherence.applied_to_all(phase);
    }

    /// Removes `key` on this node if it still holds these bytes.
    pub(crate) fn forget_if(&self, key: &[u8], bytes: &ByteView) {
        if self.store.get(key).is_some_and(|held| held.value == *bytes) {
            self.forget(key);
        }
    }

    /// Forgets a key: its entry and its flights.
    pub(in crate::group) fn forget(&self, key: &[u8]) {
        self.fence.raise(key);
        self.store.remove(key);
        self.forget_flights(key);
        self.failures.clear(key);
    }

    /// Forgets a mirror, once the fence of all mirrors is raised.
    pub(super) fn forget_mirror(&self, key: &[u8]) {
        self.store.remove(key);
        self.fetches.forget(key);
    }

    /// Forgets all mirrors: those of every owner, because the owners may have changed.
    pub(super) fn forget_all_mirrors(&self) {
        self.fence.raise_mirrors();
        let routes = self.router.snapshot();
        self.store
            .retain(|key| routes.owner(key).is_none_or(Peer::is_self));
        self.fetches.forget_all();
    }

    /// Flights are forgotten after the entry: a flight that starts in between may still find the entry
    /// and land with it, and a caller that asks after the removal must not join it. Loads come before
    /// fetches, because a fetch that starts in between would join the old load.
    fn forget_flights(&self, key: &[u8]) {
        self.loads.forget(key);
        self.fetches.forget(key);
    }

    /// Peers may hold mirrors of the keys that this node owns, so those go into its log.
    fn log_change(&self, keys: &[impl AsRef<[u8]>], phase: Phase) {
        let routes = self.router.routes();
        // Without members nobody can hold a mirror, so nothing is logged.
        let owns = |key: &[u8]| routes.owner(key).is_some_and(Peer::is_self);
        self.coherence.applied(keys, phase, owns);
    }
}
