use std::time::Instant;

use byteview::ByteView;

/// A value with where it came from: what [`Group::entry`](crate::Group::entry) returns.
///
/// The value is bytes, or what a [`TypedGroup`](crate::TypedGroup) has decoded from them.
#[derive(Clone, Debug)]
pub struct Entry<T = ByteView> {
    pub(crate) value: T,
    pub(crate) source: Source,
    pub(crate) fresh_until: Option<Instant>,
}

impl<T> Entry<T> {
    /// The value.
    pub fn value(&self) -> &T {
        &self.value
    }

    /// The value, without the rest.
    pub fn into_value(self) -> T {
        self.value
    }

    /// When the value stops being fresh; `None` if it never does. Past for a stale value, and for
    /// one that its getter did not want to be kept.
    pub fn fresh_until(&self) -> Option<Instant> {
        self.fresh_until
    }

    /// Where the value came from.
    pub fn source(&self) -> Source {
        self.source
    }
}

/// Where a value came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Source {
    /// The values this node owns.
    Main,
    /// This node's mirrors of values that others own.
    Hot,
    /// The same two, past its freshness and within its stale window.
    Stale,
    /// Another node.
    Peer,
    /// This node's getter.
    Origin,
}

impl Source {
    /// In one lower-case word: `main`, `hot`, `stale`, `peer` or `origin`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Main => "main",
            Self::Hot => "hot",
            Self::Stale => "stale",
            Self::Peer => "peer",
            Self::Origin => "origin",
        }
    }
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}
