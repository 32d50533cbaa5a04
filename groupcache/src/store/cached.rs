use std::time::Duration;

use byteview::ByteView;

use crate::{Key, Source};

/// A value that this node has in memory, as a look at it finds it; from [`Group::inspect`](crate::Group::inspect) and
/// [`Group::entries`](crate::Group::entries).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cached {
    /// The key.
    pub key: Key,
    /// The value. It shares its bytes with the entry, and keeps them in memory.
    pub value: ByteView,
    /// [`Source::Main`], [`Source::Hot`] for a mirror, or [`Source::Stale`] for either past its freshness.
    pub source: Source,
    /// The time since the value was stored, to about a sixteenth of the time in which the store's contents turn over. The
    /// oldest values may be older than this says. `None` in a [store of one's own](crate::GroupBuilder::store).
    pub age: Option<Duration>,
    /// How long the value stays fresh; zero for a stale one, `None` if it never stops.
    pub fresh_for: Option<Duration>,
    /// How long the value is kept, with the time in which it is served stale; `None` for no limit.
    pub kept_for: Option<Duration>,
    /// The bytes of the budget that the entry takes up, or in a store of one's own the lengths of key and value.
    pub bytes: usize,
}
