use std::sync::Arc;

use crate::flight::Flight;
use crate::shard::{Entry, Shard};
use crate::waker_set::Slot;
use crate::{Error, Outcome};

/// A flight, and its place in the map: what is needed to end it in the right order.
pub(crate) struct Ticket<K, V> {
    /// Each shard is shared on its own, so that calls with different keys do not count references in one place.
    pub(crate) shard: Arc<Shard<K, V>>,
    pub(crate) hash: u64,
    pub(crate) flight: Arc<Flight<V>>,
}

impl<K, V> Ticket<K, V> {
    /// Frees the key, and then publishes the result; see [`Flight::finish`].
    pub(crate) fn finish(
        &self,
        result: Result<V, Error>,
        caller: Option<&mut Slot>,
    ) -> Option<Result<Outcome<V>, Error>> {
        // The key is dropped on return: should its destructor panic, the result is out.
        let _entry = self.free_key();
        self.flight.finish(result, caller)
    }

    #[must_use = "the key is to be dropped once the flight is in order"]
    pub(crate) fn free_key(&self) -> Option<Entry<K, V>> {
        self.shard.remove(self.hash, &self.flight)
    }
}

impl<K, V> Clone for Ticket<K, V> {
    fn clone(&self) -> Self {
        Self { shard: Arc::clone(&self.shard), hash: self.hash, flight: Arc::clone(&self.flight) }
    }
}
