#[cfg(feature = "disk")]
use std::sync::Arc;

use byteview::Kept;
use lru::Removed;
#[cfg(feature = "disk")]
use lru::{Cause, Class};
use peers::{ChangeId, VersionVector};

#[cfg(feature = "disk")]
use super::disk::{Disk, fence};
use super::packing::Packing;
use super::reach::Reach;
use crate::stats::Stats;

/// What is below a store in memory: a disk, or nothing. Clones are the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct Below {
    #[cfg(feature = "disk")]
    disk: Option<Arc<Disk>>,
}

#[cfg(feature = "disk")]
impl Below {
    pub(crate) fn of(disk: Option<Arc<Disk>>) -> Self {
        Self { disk }
    }

    pub(crate) fn disk(&self) -> Option<&Arc<Disk>> {
        self.disk.as_ref()
    }

    /// Whether there is something.
    pub(super) fn is_there(&self) -> bool {
        self.disk.is_some()
    }

    /// What a change of this name takes out.
    pub(crate) fn reach_of(&self, id: Option<ChangeId>) -> Reach {
        self.reach(|disk| id.is_some_and(|id| disk.knew(id)))
    }

    /// The same for changes that have no names any more.
    pub(crate) fn reach_of_unnamed(&self, made: &VersionVector, up_to: &[ChangeId]) -> Reach {
        self.reach(|disk| disk.knew_all(made, up_to))
    }

    /// Of a change that the entries from before the start have been through, or not.
    fn reach(&self, knew: impl FnOnce(&Disk) -> bool) -> Reach {
        match &self.disk {
            Some(disk) if knew(disk) => Reach::SinceStart,
            _ => Reach::All,
        }
    }

    /// Makes a call of the store that may evict entries.
    #[inline]
    pub(super) fn within<T>(&self, call: impl FnOnce() -> T) -> T {
        match &self.disk {
            Some(disk) => fence::within(disk.forgotten(), call),
            None => call(),
        }
    }

    /// Takes an entry that has left the store, if it is an own value that made room.
    pub(super) fn take(&self, packing: Packing, entry: &Removed<Kept, ()>) {
        if let Some(disk) = &self.disk
            && entry.cause == Cause::Capacity
            && entry.meta.class == Class::Main
        {
            let value = || packing.unpack(entry.key.view());
            disk.offer(
                &entry.key.key().into(),
                value,
                entry.meta.expires,
                entry.was_wanted,
            );
        }
    }

    /// Has what is below forget something before it leaves memory, or gets a newer value there, and once more afterwards.
    ///
    /// *Before*, because work that begins meanwhile may find the old value below, and bring it to memory: it does so before the
    /// change gets there, or not at all, as the value is looked for once more under the lock of the entry. *Afterwards*, because the
    /// old entry may have made room meanwhile, and be on its way down.
    #[inline]
    pub(super) fn around(&self, forget: impl Fn(&Self), change: impl FnOnce()) {
        forget(self);
        change();
        forget(self);
    }

    /// No value of the key is found below any more.
    pub(super) fn forget(&self, key: &[u8], reach: Reach) {
        if let Some(disk) = &self.disk {
            disk.forget(key, reach);
        }
    }

    /// No value of any key is found below any more.
    pub(super) fn forget_all(&self, reach: Reach) {
        if let Some(disk) = &self.disk {
            disk.forget_all(reach);
        }
    }

    /// What was forgotten stays so after a restart, when this returns.
    pub(super) fn settle(&self) {
        if let Some(disk) = &self.disk {
            disk.settle();
        }
    }

    pub(super) fn has(&self, key: &[u8]) -> bool {
        self.disk.as_ref().is_some_and(|disk| disk.has(key))
    }

    pub(super) fn add_to(&self, stats: &mut Stats) {
        if let Some(disk) = &self.disk {
            disk.add_to(stats);
        }
    }
}

/// Without the feature there is nothing.
#[cfg(not(feature = "disk"))]
#[allow(clippy::unused_self, reason = "as with the feature")]
impl Below {
    #[inline]
    pub(super) fn is_there(&self) -> bool {
        false
    }

    pub(crate) fn reach_of(&self, _id: Option<ChangeId>) -> Reach {
        Reach::All
    }

    pub(crate) fn reach_of_unnamed(&self, _made: &VersionVector, _up_to: &[ChangeId]) -> Reach {
        Reach::All
    }

    #[inline]
    pub(super) fn within<T>(&self, call: impl FnOnce() -> T) -> T {
        call()
    }

    pub(super) fn take(&self, _packing: Packing, _entry: &Removed<Kept, ()>) {}

    #[inline]
    pub(super) fn around(&self, _forget: impl Fn(&Self), change: impl FnOnce()) {
        change();
    }

    #[inline]
    pub(super) fn forget(&self, _key: &[u8], _reach: Reach) {}

    #[inline]
    pub(super) fn forget_all(&self, _reach: Reach) {}

    #[inline]
    pub(super) fn settle(&self) {}

    #[inline]
    pub(super) fn has(&self, _key: &[u8]) -> bool {
        false
    }

    #[inline]
    pub(super) fn add_to(&self, _stats: &mut Stats) {}
}
