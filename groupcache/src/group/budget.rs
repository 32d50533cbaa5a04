use std::time::Duration;

use super::Group;

/// What a group keeps in memory; from [`Group::usage`].
///
/// Entries past their time count until they are reclaimed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Usage {
    /// The most bytes that entries may take up.
    pub budget: usize,
    /// Bytes that all entries take up: keys, values, and what the allocator and the tables need for
    /// them.
    pub bytes: usize,
    /// Of these, what mirrors of other nodes' values take up.
    pub hot_bytes: usize,
    /// All entries.
    pub entries: usize,
    /// Of these, mirrors.
    pub hot_entries: usize,
    /// How long ago those entries were written, on average, that had to make room lately; `None` if none
    /// had to. If it is much shorter than values are useful, the budget is too small.
    ///
    /// Live entries alone: those that expired, were removed or replaced do not count.
    pub victim_age: Option<Duration>,
}

impl Group {
    /// What the group keeps in memory, and how hard pressed it is. Looks at one part of the store after
    /// the other.
    ///
    /// How many had to make room, expired, or were refused as larger than the whole budget is in
    /// [`stats`](Self::stats), each by itself.
    pub fn usage(&self) -> Usage {
        self.0.store.usage()
    }

    /// Changes how many bytes the group may keep in memory, while it serves.
    ///
    /// A smaller budget has been brought about on return: entries are evicted in small steps, between
    /// which others are served. A group that was built with a budget of zero goes on keeping nothing.
    pub fn set_budget(&self, bytes: usize) {
        self.0.store.set_budget(bytes);
    }
}
