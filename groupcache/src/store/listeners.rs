use byteview::Kept;
use lru::Removed;

use super::below::Below;
use super::eviction::{OnEvicted, tell};
use super::packing::Packing;

/// Who hears of entries that leave a group's own store.
#[derive(Default)]
pub(crate) struct Listeners {
    /// The user's function.
    pub(crate) on_evicted: Option<OnEvicted>,
    /// Where values go that make room.
    pub(crate) below: Below,
}

type Listener = Box<dyn Fn(&Removed<Kept, ()>) + Send + Sync>;

impl Listeners {
    /// All of them as one; `None` if there is none.
    pub(super) fn of(self, packing: Packing) -> Option<Listener> {
        let Self { on_evicted, below } = self;
        match on_evicted {
            Some(on_evicted) => Some(Box::new(move |entry| {
                below.take(packing, entry);
                tell(&on_evicted, packing, entry);
            })),
            None if below.is_there() => Some(Box::new(move |entry| below.take(packing, entry))),
            None => None,
        }
    }
}
