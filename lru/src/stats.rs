use std::ops::Add;

use crate::Cause;

/// What has happened in a store since it was made.
///
/// The books balance: `inserts - evictions - expired - removals` is the number of entries present.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Lookups that found a live entry.
    pub hits: u64,
    /// Lookups that found no live entry.
    pub misses: u64,
    /// Entries stored under a key that was not present.
    pub inserts: u64,
    /// Entries stored in the place of an older one with the same key.
    pub overwrites: u64,
    /// Live entries that were evicted to make room.
    pub evictions: u64,
    /// Entries reclaimed because they had expired.
    pub expired: u64,
    /// Entries taken out on request: remove, pop, retain, clear.
    pub removals: u64,
    /// Of these, entries that a clear took out.
    pub cleared: u64,
    /// Entries refused because they were larger than the whole budget.
    pub oversize: u64,
}

impl Stats {
    /// Counts an entry that has left.
    #[inline]
    pub(crate) fn count(&mut self, cause: Cause) {
        match cause {
            Cause::Replaced => self.overwrites += 1,
            Cause::Expired => self.expired += 1,
            Cause::Capacity => self.evictions += 1,
            Cause::Removed => self.removals += 1,
            Cause::Cleared => {
                self.removals += 1;
                self.cleared += 1;
            }
        }
    }
}

impl Add for Stats {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            hits: self.hits + other.hits,
            misses: self.misses + other.misses,
            inserts: self.inserts + other.inserts,
            overwrites: self.overwrites + other.overwrites,
            evictions: self.evictions + other.evictions,
            expired: self.expired + other.expired,
            removals: self.removals + other.removals,
            cleared: self.cleared + other.cleared,
            oversize: self.oversize + other.oversize,
        }
    }
}

/// What the entries of one [`Class`](crate::Class) take up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Usage {
    /// The number of entries, including expired ones that have not been reclaimed yet.
    pub entries: usize,
    /// The sum of the charges, in bytes.
    pub bytes: usize,
}

impl Add for Usage {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            entries: self.entries + other.entries,
            bytes: self.bytes + other.bytes,
        }
    }
}
