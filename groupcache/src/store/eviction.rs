use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use byteview::{ByteView, Kept};
use lru::{Cause, Removed};

use super::packing::Packing;
use crate::Key;

/// Why an entry has left a group's store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EvictionCause {
    /// It was live, and made room for others, or for a smaller budget.
    MadeRoom,
    /// Its time to live had ended.
    Expired,
    /// A newer value of the key took its place.
    Replaced,
    /// A removal took it out.
    Removed,
    /// It went with all others.
    Cleared,
}

impl EvictionCause {
    /// The name, as [`Evictions`](crate::Evictions) has it: `made_room`, `expired`, `replaced`, `removed` or `cleared`.
    pub fn name(self) -> &'static str {
        match self {
            Self::MadeRoom => "made_room",
            Self::Expired => "expired",
            Self::Replaced => "replaced",
            Self::Removed => "removed",
            Self::Cleared => "cleared",
        }
    }
}

impl fmt::Display for EvictionCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl From<Cause> for EvictionCause {
    fn from(cause: Cause) -> Self {
        match cause {
            Cause::Capacity => Self::MadeRoom,
            Cause::Expired => Self::Expired,
            Cause::Replaced => Self::Replaced,
            Cause::Cleared => Self::Cleared,
            _ => Self::Removed,
        }
    }
}

/// A user's function that hears of entries that have left.
pub(crate) type OnEvicted = Box<dyn Fn(&Key, &ByteView, EvictionCause) + Send + Sync>;

/// Tells the user's function, whose panic ends nothing else.
pub(super) fn tell(on_evicted: &OnEvicted, packing: Packing, entry: &Removed<Kept, ()>) {
    let Some(value) = packing.unpack(entry.key.view()) else {
        return;
    };
    let key = Key::from(entry.key.key());
    let call = || on_evicted(&key, &value, entry.cause.into());
    if catch_unwind(AssertUnwindSafe(call)).is_err() {
        tracing::error!("the function that hears of evictions has panicked");
    }
}
