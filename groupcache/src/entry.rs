use std::time::Instant;

use byteview::ByteView;

/// A value with its source; from [`Group::entry`](crate::Group::entry).
///
/// The value is bytes, or of the type that a [`TypedGroup`](crate::TypedGroup) has decoded them to.
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

    /// When the value stops being fresh; `None` if it never does. This is in the past for a stale
    /// value, and for a value that its getter did not want to be kept.
    pub fn fresh_until(&self) -> Option<Instant> {
        self.fresh_until
    }

    /// Where the value came from.
    pub fn source(&self) -> Source {
        self.source
    }

    /// Another value in place of this one.
    pub(crate) fn with_value<U>(self, value: U) -> Entry<U> {
        Entry {
            value,
            source: self.source,
            fresh_until: self.fresh_until,
        }
    }
}

/// Where a value came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Source {
    /// This node's memory: a value that this node owns.
    Main,
    /// This node's memory: a mirror of a value that another node owns.
    Hot,
    /// This node's memory: a value past its freshness. It is within the [stale window](crate::GroupBuilder::stale_while_revalidate),
    /// or [no other](crate::GroupBuilder::stale_if_error) can be had.
    Stale,
    /// Another node.
    Peer,
    /// This node's getter.
    Origin,
}

impl Source {
    /// The source as one lower-case word: `main`, `hot`, `stale`, `peer` or `origin`.
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
