use std::{fmt, iter::FusedIterator};

use crate::{Class, recency::Queue, table::Table};

/// The entries of an [`Lru`](crate::Lru) from the most to the least recently used.
/// [`Lru::iter`](crate::Lru::iter) makes this iterator.
pub struct Iter<'a, K, V> {
    table: &'a Table<K, V>,
    newest: Option<u32>,
    oldest: Option<u32>,
    /// The number of entries from `newest` to `oldest`. Once it is zero, both slots are meaningless.
    left: usize,
}

impl<'a, K, V> Iter<'a, K, V> {
    pub(crate) fn new(table: &'a Table<K, V>, class: Class) -> Self {
        let recency = table.recency();
        Self {
            table,
            newest: recency.newest(class, Queue::Main),
            oldest: recency.oldest(class, Queue::Main),
            left: recency.usage(class).entries,
        }
    }

    fn item(&self, slot: u32) -> (&'a K, &'a V) {
        let entry = self.table.entry(slot);
        (&entry.key, &entry.value)
    }
}

impl<'a, K, V> Iterator for Iter<'a, K, V> {
    type Item = (&'a K, &'a V);

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let slot = self.newest?;
        self.newest = self.table.recency().older(slot);
        Some(self.item(slot))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl<K, V> DoubleEndedIterator for Iter<'_, K, V> {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let slot = self.oldest?;
        self.oldest = self.table.recency().newer(slot);
        Some(self.item(slot))
    }
}

impl<K, V> ExactSizeIterator for Iter<'_, K, V> {}
impl<K, V> FusedIterator for Iter<'_, K, V> {}

impl<K, V> Clone for Iter<'_, K, V> {
    fn clone(&self) -> Self {
        Self { ..*self }
    }
}

impl<K, V> fmt::Debug for Iter<'_, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Iter")
            .field("left", &self.left)
            .finish_non_exhaustive()
    }
}
