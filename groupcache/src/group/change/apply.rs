use std::cell::Cell;

use byteview::ByteView;
use peers::{ChangeId, Knowledge, KnownChange, SetVerdict, Stamp, UnnamedChanges, VersionVector};

use crate::group::inner::Inner;
use crate::store::{Reach, Tier};
use crate::{Key, Value};

fn name(stamp: Option<Stamp>) -> Option<ChangeId> {
    stamp.map(|stamp| stamp.id)
}

impl Inner {
    /// Removes keys on this node.
    pub(in crate::group) fn remove_here(&self, keys: &[impl AsRef<[u8]>], stamp: Option<Stamp>) {
        for (place, key) in keys.iter().enumerate() {
            let id = stamp.map(|stamp| stamp.at(place).id);
            self.make(Some(key.as_ref()), id);
        }
    }

    /// Makes a change of a key, or of all keys, on this node, unless it has made it.
    pub(crate) fn make(&self, key: Option<&[u8]>, id: Option<ChangeId>) {
        if self.coherence.hear(&self.name, key, id) {
            let reach = self.store.below().reach_of(id);
            match key {
                Some(key) => self.forget_within(key, reach),
                None => self.forget_all(reach),
            }
        }
        // The log may soon drop the change. It has to be among those that are made by then.
        self.coherence.made(id);
    }

    /// Takes a value as the key's owner, from a node that knew of these changes of the key. A value that has expired
    /// already only replaces the old one.
    pub(in crate::group) fn set_here(
        &self,
        key: Key,
        value: Value,
        stamp: Option<Stamp>,
        known: &[KnownChange],
    ) {
        let now = self.clock.now();
        let lifetime = self.freshness.of_load(value.expiry(), now);
        if !lifetime.is_kept(now) {
            return self.remove_here(&[key], stamp);
        }
        // The change is heard of under the lock of the entry: a load that began before does not store over the new
        // value, and one that begins afterwards finds the value there.
        let verdict = Cell::new(None);
        let keep = || {
            let hear = || self.coherence.hear_set(&self.name, &key, stamp, known);
            let heard = verdict.get().unwrap_or_else(hear);
            verdict.set(Some(heard));
            heard == SetVerdict::Keep
        };
        let view = value.into_view().compact();
        self.store
            .insert_if(key.clone(), view, Tier::Main, lifetime, keep);
        self.store.settle();
        self.moments.note(lifetime);
        self.note_for_standby(&key, true);
        match verdict.get() {
            Some(SetVerdict::Keep) => {
                self.forget_flights(&key);
                self.failures.clear(&key);
                self.absences.clear(&key);
            }
            Some(SetVerdict::Forget) => self.forget(&key),
            Some(SetVerdict::Old) => {}
            // The store keeps nothing.
            None => return self.remove_here(&[key], stamp),
        }
        self.coherence.made(name(stamp));
    }

    /// Removes everything on this node.
    pub(in crate::group) fn clear_here(&self, stamp: Option<Stamp>) {
        self.make(None, name(stamp));
    }

    /// Makes the changes of a key that an asker knows and this node does not.
    pub(in crate::group) fn make_known(&self, key: &[u8], known: &[KnownChange]) {
        for KnownChange { id, all } in known {
            self.make((!all).then_some(key), Some(*id));
        }
    }

    /// Removes `key` on this node if it still holds these bytes.
    pub(crate) fn forget_if(&self, key: &[u8], bytes: &ByteView) {
        let held = self.store.last_resort(key);
        if held.is_some_and(|held| held.value == *bytes) {
            self.forget(key);
        }
    }

    /// Makes changes of a peer that it cannot name any more.
    pub(crate) fn make_unnamed(&self, theirs: &Knowledge, unnamed: &UnnamedChanges) {
        let group = &self.name;
        tracing::info!(%group, "a group is cleared: this node has missed too many changes");
        self.coherence.hear(group, None, None);
        let made = VersionVector::of(&theirs.made);
        let reach = self.store.below().reach_of_unnamed(&made, &unnamed.up_to);
        self.forget_all(reach);
    }

    /// Forgets a key: its entry and its flights.
    pub(crate) fn forget(&self, key: &[u8]) {
        self.forget_within(key, Reach::All);
    }

    fn forget_within(&self, key: &[u8], reach: Reach) {
        self.store.remove_within(key, reach);
        self.store.settle();
        self.forget_flights(key);
        self.failures.clear(key);
        self.absences.clear(key);
    }

    /// Forgets all keys, on disk within this reach.
    pub(crate) fn forget_all(&self, reach: Reach) {
        self.store.clear_within(reach);
        self.store.settle();
        self.forget_all_else();
    }

    /// Forgets all keys, but for what is on disk.
    pub(super) fn forget_memory(&self) {
        self.store.clear_memory();
        self.forget_all_else();
    }

    fn forget_all_else(&self) {
        self.loads.forget_all();
        self.fetches.forget_all();
        self.failures.clear_all();
        self.absences.clear_all();
    }

    /// Flights are forgotten after the entry: a flight that starts in between may still find the entry
    /// and land with it, and a caller that asks after the removal must not join it. Loads come before
    /// fetches, because a fetch that starts in between would join the old load.
    fn forget_flights(&self, key: &[u8]) {
        self.loads.forget(key);
        self.fetches.forget(key);
    }
}
