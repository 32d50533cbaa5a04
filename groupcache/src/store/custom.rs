use std::hash::{BuildHasher, RandomState};
use std::time::Instant;

use byteview::ByteView;
use parking_lot::Mutex;

use super::usage::Usage;
use crate::Key;

/// Where a group keeps its values, in place of its own store: another cache of the process, say.
///
/// The group sees to everything else: it looks at [`Stored::expires`] itself, so that a store need not;
/// it never lets a value in that was loaded before a removal; and it counts. A store may forget whatever
/// it likes at any time, and is asked on every get: it should be quick, and must not block.
///
/// The group calls [`insert`](Self::insert), [`remove`](Self::remove), [`clear`](Self::clear) and
/// [`retain`](Self::retain) of one key one after the other, under a lock of its own; they must not call the
/// group.
pub trait Store: Send + Sync + 'static {
    /// What is kept under the key.
    fn get(&self, key: &[u8]) -> Option<Stored>;

    /// Keeps a value, in the place of an older one. A store that cannot keep it must not keep the older one
    /// either.
    fn insert(&self, key: Key, stored: Stored);

    /// Forgets a key.
    fn remove(&self, key: &[u8]);

    /// Forgets all keys.
    fn clear(&self);

    /// Forgets all keys of which this is false. Default: forgets all.
    fn retain(&self, keep: &dyn Fn(&[u8]) -> bool) {
        let _ = keep;
        self.clear();
    }

    /// What the values take up, for [`Group::usage`](crate::Group::usage) and `stats`, and for promoters, which
    /// mirror more while there is room. Default: unknown, that is, zero, and never any room.
    fn usage(&self) -> Usage {
        Usage::default()
    }

    /// Changes how much the store may keep. Default: does nothing.
    fn set_budget(&self, bytes: usize) {
        let _ = bytes;
    }
}

/// A value as a [`Store`] keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// The bytes, in memory of about their size.
    pub value: ByteView,
    /// Whether it is a mirror of a value that another node owns: the first that should give way.
    pub mirror: bool,
    /// From this instant on it is of no use, on the clock of the node; `None`: for ever.
    pub expires: Option<Instant>,
}

/// A user's store, and what makes its changes follow one another.
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

    /// The condition is asked under the lock that a removal of the key has to take. So whoever makes it
    /// false and then removes the key can be sure that the value is not there afterwards.
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
        // In their order; nothing else takes two.
        let _changing = self.changing.each_ref().map(Mutex::lock);
        self.store.clear();
    }

    pub(crate) fn retain(&self, keep: &dyn Fn(&[u8]) -> bool) {
        let _changing = self.changing.each_ref().map(Mutex::lock);
        self.store.retain(keep);
    }

    fn lock_of(&self, key: &[u8]) -> &Mutex<()> {
        &self.changing[self.hasher.hash_one(key) as usize % LOCKS]
    }
}
