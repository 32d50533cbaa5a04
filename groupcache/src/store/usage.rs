use std::time::Duration;

/// The memory that a group's values take; from [`Group::usage`](crate::Group::usage).
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
    /// Bytes that the store has taken from the operating system, for entries, for its tables, and for views of what it has given
    /// up. Zero in a store of one's own.
    pub reserved: usize,
    /// Of these, bytes that views pin: values that the store has given up, and callers still hold. They come on top of the budget. A
    /// view pins whole pages of 4 KiB where nothing else is left on them; [`ByteView::detached`](crate::ByteView::detached) is a copy that
    /// pins none.
    pub pinned: usize,
    /// All entries.
    pub entries: usize,
    /// Of these, mirrors.
    pub hot_entries: usize,
    /// The mean age of the live entries that were evicted lately; `None` if none was. If this is much
    /// shorter than values stay useful, the budget is too small.
    ///
    /// Entries that expired, were removed or replaced do not count.
    pub victim_age: Option<Duration>,
}
