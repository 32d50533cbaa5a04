//! What other nodes are to hold on standby: copies of this node's own values, so that its end loses little.

use tokio::sync::mpsc;

use crate::Key;

/// The most keys that wait to be offered. Of more, the values have no copy on standby.
const MOST_WAITING: usize = 16_384;

/// Sees what this node stores.
#[derive(Debug)]
pub(super) struct Standby(mpsc::Sender<Key>);

impl Standby {
    /// The second half gets the keys of what was stored.
    pub(super) fn new() -> (Self, mpsc::Receiver<Key>) {
        let (stored, keys) = mpsc::channel(MOST_WAITING);
        (Self(stored), keys)
    }

    /// Notes that this node has stored a value.
    pub(super) fn note(&self, key: &Key) {
        // A full queue means that stand-ins do not keep up.
        let _ = self.0.try_send(key.clone());
    }
}
