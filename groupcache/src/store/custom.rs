use std::hash::{BuildHasher, RandomState};
use std::time::Instant;

use byteview::ByteView;
use parking_lot::Mutex;

use super::usage::Usage;
use crate::Key;

/// A place where a group keeps its values instead of in its own store, such as another cache of the
/// process. See [`GroupBuilder::store`](crate::GroupBuilder::store).
///
/// The group does everything else. It checks [`Stored::expires`] itself, so that a store need not. It
/// never inserts a value that was loaded before a removal. It counts hits. A store may drop any entry at
/// any time. Every get asks the store, which should be quick and must not block.
///
/// For one key, the group calls [`insert`](Self::insert), [`remove`](Self::remove)
/// and [`clear`](Self::clear) one after the other, under a lock of its own. They
/// must not call the group.
pub trait Store: Send + Sync + 'static {
    /// The entry under the key.
    fn get(&self, key: &[u8]) -> Option<Stored>;

    /// Keeps a value in place of an older one. A store that cannot keep the value must drop the older one
    /// all the same.
    fn insert(&self, key: Key, stored: Stored);

    /// Drops the entry under the key.
    fn remove(&self, key: &[u8]);

    /// Drops all entries.
    fn clear(&self);

    /// The memory that the values take, for [`Group::usage`](crate::Group::usage) and
    /// [`stats`](crate::Group::stats), and for promoters, which mirror more while there is room. Default:
    /// zero, and never any room.
    fn usage(&self) -> Usage {
        Usage::default()
    }

    /// Up to `limit` keys of the entries, in any order, for [`Group::entries`](crate::Group::entries) and what builds on
    /// it. Default: none, for stores that cannot list them.
    fn keys(&self, limit: usize) -> Vec<Key> {
        let _ = limit;
        Vec::new()
    }

    /// Changes how many bytes the store may keep. Default: does nothing.
    fn set_budget(&self, bytes: usize) {
        let _ = bytes;
    }
}

/// A value as a [`Store`] keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// The bytes, in memory of about their size.
    pub value: ByteView,
    /// Whether this is a mirror of a value that another node owns. Mirrors should be evicted first.
    pub mirror: bool,
    /// When the value expires, by the node's clock; `None` for never.
    pub expires: Option<Instant>,
    /// Whether the value is [refreshed ahead](crate::GroupBuilder::refresh_ahead) of its end. The store keeps this with it.
    pub refresh_ahead: bool,
}

/// A user's store, and the locks by which its changes follow one another.
pub(crate) struct Custom {
    store: Box<dyn Store>,
    changing: [Mutex<()>; LOCKS],
    hasher: RandomState,
}

const LOCKS: usize = 32;

impl Custom {
    pub(crate) fn new(store: Box<dyn Store>) -> Self {
        Self {
            store,
            changing: [const { Mutex::new(()) }; LOCKS],
            hasher: RandomState::new(),
        }
    }

    pub(crate) fn store(&self) -> &dyn Store {
        &*self.store
    }

    /// Checks the condition under the lock that a removal of the key has to take. So a caller that makes
    /// the condition false and then removes the key can be sure that the value is gone.
    pub(crate) fn insert_if(&self, key: Key, stored: Stored, condition: impl Fn() -> bool) {
        let _changing = self.lock_of(&key).lock();
        if condition() {
            self.store.insert(key, stored);
        }
    }

    pub(crate) fn remove(&self, key: &[u8]) {
        let _changing = self.lock_of(key).lock();
        self.store.remove(key);
    }

    pub(crate) fn clear(&self) {
        // In their order. No other function but `retain` takes two locks.
        let _changing = self.changing.each_ref().map(Mutex::lock);
        self.store.clear();
    }

    fn lock_of(&self, key: &[u8]) -> &Mutex<()> {
        &self.changing[self.hasher.hash_one(key) as usize % LOCKS]
    }
}
