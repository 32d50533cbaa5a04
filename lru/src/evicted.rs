use std::{iter, option, slice, vec};

use crate::Meta;

/// An entry that has left a store.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Removed<K, V> {
    /// The key of the entry.
    pub key: K,
    /// The value of the entry.
    pub value: V,
    /// The charge, the class and the expiry of the entry.
    pub meta: Meta,
    /// Why the entry left.
    pub cause: Cause,
    /// Whether the policy knows that the entry was asked for more than once: it was hit while it was here, or it had been
    /// evicted before and came back. [`Policy::Lru`](crate::Policy::Lru) keeps no such record, and says `false`. A store below this
    /// one, such as a disk, may leave out what nobody asked for again.
    pub was_wanted: bool,
}

/// Why an entry has left a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Cause {
    /// A newer entry took its key.
    Replaced,
    /// The entry had expired.
    Expired,
    /// The entry was live, and the store needed room.
    Capacity,
    /// The caller asked for the removal.
    Removed,
    /// The caller asked for the removal of all entries.
    Cleared,
}

/// The entries that one call made leave the store, in the order in which they left.
///
/// The collection allocates from the second entry on: most inserts push out one entry or none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evicted<K, V> {
    first: Option<Removed<K, V>>,
    /// In an `Option`, as no code has to run for `None` when it is dropped.
    rest: Option<Vec<Removed<K, V>>>,
}

impl<K, V> Evicted<K, V> {
    pub(crate) const fn new() -> Self {
        Self {
            first: None,
            rest: None,
        }
    }

    #[inline]
    pub(crate) fn push(&mut self, removed: Removed<K, V>) {
        if self.first.is_none() {
            self.first = Some(removed);
        } else {
            self.rest.get_or_insert_default().push(removed);
        }
    }

    #[inline]
    pub(crate) fn extend(&mut self, removed: Option<Removed<K, V>>) {
        if let Some(removed) = removed {
            self.push(removed);
        }
    }

    /// Whether no entry left.
    pub fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    /// How many entries left.
    pub fn len(&self) -> usize {
        usize::from(self.first.is_some()) + self.rest.as_ref().map_or(0, Vec::len)
    }

    /// The entries, in the order in which they left.
    pub fn iter(&self) -> impl Iterator<Item = &Removed<K, V>> {
        self.into_iter()
    }

    /// The entry that the newcomer replaced, if there was one.
    pub fn replaced(&self) -> Option<&Removed<K, V>> {
        self.iter().find(|removed| removed.cause == Cause::Replaced)
    }
}

impl<K, V> IntoIterator for Evicted<K, V> {
    type Item = Removed<K, V>;
    type IntoIter = iter::Chain<option::IntoIter<Removed<K, V>>, vec::IntoIter<Removed<K, V>>>;

    fn into_iter(self) -> Self::IntoIter {
        let rest = self.rest.unwrap_or_default();
        self.first.into_iter().chain(rest)
    }
}

impl<'a, K, V> IntoIterator for &'a Evicted<K, V> {
    type Item = &'a Removed<K, V>;
    type IntoIter = iter::Chain<option::Iter<'a, Removed<K, V>>, slice::Iter<'a, Removed<K, V>>>;

    fn into_iter(self) -> Self::IntoIter {
        let rest = self.rest.as_deref().unwrap_or_default();
        self.first.iter().chain(rest)
    }
}
