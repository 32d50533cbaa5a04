//! What other nodes are to hold on standby: copies of this node's own values, so that its end loses little.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::mpsc;

use crate::Key;

/// The most keys that wait to be offered. With more, all values are looked through later.
const MOST_WAITING: usize = 16_384;

/// Sees what this node stores.
#[derive(Debug)]
pub(super) struct Standby {
    stored: mpsc::Sender<Stored>,
    /// Whether some values were not noted, or not taken.
    is_behind: AtomicBool,
}

/// A value that this node has stored.
#[derive(Debug)]
pub(super) struct Stored {
    pub(super) key: Key,
    /// Whether it was set. Other nodes are about to forget the key, so that they take no copy that stays.
    pub(super) is_set: bool,
}

impl Standby {
    /// The second half gets what was stored.
    pub(super) fn new() -> (Self, mpsc::Receiver<Stored>) {
        let (stored, keys) = mpsc::channel(MOST_WAITING);
        let is_behind = AtomicBool::new(false);
        (Self { stored, is_behind }, keys)
    }

    /// Notes that this node has stored a value.
    pub(super) fn note(&self, key: &Key, is_set: bool) {
        let key = key.clone();
        if self.stored.try_send(Stored { key, is_set }).is_err() {
            self.fall_behind();
        }
    }

    /// Some values have no copies.
    pub(super) fn fall_behind(&self) {
        self.is_behind.store(true, Ordering::SeqCst);
    }

    /// Whether some values have no copies. The caller looks after them.
    pub(super) fn take_behind(&self) -> bool {
        self.is_behind.swap(false, Ordering::SeqCst)
    }
}
