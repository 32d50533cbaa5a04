//! A value that is too old for other gets, for one that would fail.

use peers::GetMode;

use crate::group::inner::Inner;
use crate::{Entry, Error};

impl Inner {
    /// Whether the group keeps values for that.
    pub(in crate::group) fn has_last_resort(&self) -> bool {
        !self.freshness.aging.error_window.is_zero()
    }

    /// The answer of a get that would fail with this error.
    pub(in crate::group) fn or_last_resort(
        &self,
        key: &[u8],
        error: Error,
    ) -> Result<Entry, Error> {
        match self.has_last_resort() && !error.is_not_found() {
            true => self.store.last_resort(key).ok_or(error),
            false => Err(error),
        }
    }

    /// The same for a peer. A protocol without names of changes has no word for a value past its end: its peers would take
    /// one for a fresh value.
    pub(in crate::group) fn or_last_resort_of_peer(
        &self,
        key: &[u8],
        mode: GetMode,
        error: Error,
    ) -> Result<Entry, Error> {
        match mode == GetMode::Load && self.names_changes {
            true => self.or_last_resort(key, error),
            false => Err(error),
        }
    }
}
