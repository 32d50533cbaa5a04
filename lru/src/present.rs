use std::time::Duration;

use crate::Meta;

/// An entry that is in a [`Cache`](crate::Cache), as a look at it finds it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Present<K, V> {
    /// A clone of the key.
    pub key: K,
    /// A clone of the value.
    pub value: V,
    /// The charge, the class and the expiry of the entry.
    pub meta: Meta,
    /// The time since the entry was written, to about a sixteenth of the time in which as many entries come as its shard
    /// holds. The oldest entries may be older than this says: a shard remembers its last 32 looks at the clock.
    pub age: Duration,
}
