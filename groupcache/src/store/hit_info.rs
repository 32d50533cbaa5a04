use std::time::Instant;

use byteview::ByteView;

use crate::{Entry, Source};

/// What a hit tells of an entry besides its value: see [`Entry`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct HitInfo {
    pub(crate) source: Source,
    pub(crate) fresh_until: Option<Instant>,
    /// Whether the value is refreshed before its end.
    pub(crate) is_refreshed_ahead: bool,
    /// Whether the value is stale, or about to be.
    pub(crate) is_due: bool,
}

impl HitInfo {
    pub(crate) fn entry(self, value: ByteView) -> Entry {
        Entry {
            value,
            source: self.source,
            fresh_until: self.fresh_until,
        }
    }
}

impl Default for HitInfo {
    fn default() -> Self {
        Self {
            source: Source::Main,
            fresh_until: None,
            is_refreshed_ahead: false,
            is_due: false,
        }
    }
}
