use std::fmt;
use std::vec;

use super::built_in;
use super::cached::Cached;
use super::storage::{Place, Storage};
use crate::Key;

/// The values that this node has in memory, one after the other; from [`Group::entries`](crate::Group::entries).
pub struct Entries<'a> {
    storage: &'a Storage,
    rest: Rest<'a>,
}

enum Rest<'a> {
    Nothing,
    BuiltIn(built_in::Entries<'a>),
    /// The keys of a user's store, each of which is looked up when its turn comes.
    Custom(vec::IntoIter<Key>),
}

/// The most keys of a user's store that are listed.
const MOST_KEYS: usize = 1 << 16;

impl Storage {
    /// What is in memory, a few entries at a time.
    pub(crate) fn entries(&self) -> Entries<'_> {
        let rest = match &self.place {
            Place::Nowhere => Rest::Nothing,
            Place::BuiltIn(store) => Rest::BuiltIn(store.entries()),
            Place::Custom(custom) => Rest::Custom(custom.store().keys(MOST_KEYS).into_iter()),
        };
        Entries {
            storage: self,
            rest,
        }
    }
}

impl Iterator for Entries<'_> {
    type Item = Cached;

    fn next(&mut self) -> Option<Cached> {
        match &mut self.rest {
            Rest::Nothing => None,
            Rest::BuiltIn(entries) => entries.find_map(|kept| self.storage.unpacked(kept)),
            Rest::Custom(keys) => keys.find_map(|key| self.storage.inspect(&key)),
        }
    }

    /// At least those that the iterator has looked at already, and keeps in memory.
    fn size_hint(&self) -> (usize, Option<usize>) {
        match &self.rest {
            Rest::Nothing => (0, Some(0)),
            Rest::BuiltIn(entries) => entries.size_hint(),
            Rest::Custom(keys) => (0, Some(keys.len())),
        }
    }
}

impl fmt::Debug for Entries<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entries").finish_non_exhaustive()
    }
}
