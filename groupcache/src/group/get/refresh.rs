//! A value that is stale, or about to be, is served while one flight in the background replaces it.

use std::sync::Arc;

use crate::group::flights::Flights;
use crate::group::inner::Inner;
use crate::stats::Event;
use crate::trace::spans;
use crate::{Entry, Error, Key};

impl Inner {
    /// Starts a fetch that replaces a value, unless one is under way, the last one has just failed, or too many others
    /// are under way. Does not wait.
    pub(super) fn refresh(self: &Arc<Self>, key: &[u8]) {
        // Nobody waits for a refresh, so that its load does not wait for a turn before those who do.
        if self.turns.are_free() || !self.owns(key) {
            self.begin_refresh(&self.fetches, key, Self::refetch);
        }
    }

    /// The same for a peer that asked for the value: a load, as this node has to answer for it.
    pub(in crate::group) fn reload(self: &Arc<Self>, key: &[u8]) {
        if self.turns.are_free() {
            self.begin_refresh(&self.loads, key, Self::load_now);
        }
    }

    fn begin_refresh<F>(
        self: &Arc<Self>,
        flights: &Flights,
        key: &[u8],
        work: impl FnOnce(Arc<Self>, Key) -> F,
    ) where
        F: Future<Output = Result<Entry, Error>> + Send + 'static,
    {
        if flights.contains(key) || self.failures.pauses_refresh(key, || self.clock.now()) {
            return;
        }
        let Some(place) = self.refreshes.take() else {
            return;
        };
        let key = Key::from(key);
        let begin = || {
            self.counters.add(Event::Refresh);
            let work = work(Arc::clone(self), key.clone());
            async move {
                let _place = place;
                work.await
            }
        };
        spans::refresh(self.traced(), &key).in_scope(|| drop(flights.join(key.clone(), begin)));
    }

    /// The work of a refresh. A load on this node notes its failure itself.
    async fn refetch(self: Arc<Self>, key: Key) -> Result<Entry, Error> {
        let result = Arc::clone(&self).fetch(key.clone()).await;
        if !self.owns(&key) {
            match &result {
                Ok(_) => self.failures.clear(&key),
                Err(error) => self.failures.record(&key, error, self.clock.now()),
            }
        }
        result
    }

    /// What the owner has answered. If it says that there is no value any more, nothing older is served here.
    pub(in crate::group) fn note_answer<T>(
        &self,
        key: &Key,
        since: u64,
        answer: &Result<T, Error>,
    ) {
        if answer.as_ref().is_err_and(Error::is_not_found) && self.is_unchanged(key, since) {
            self.store.remove(key);
        }
    }

    /// A load has found that there is no value any more: no node goes on serving the stale one. A last resort goes from this
    /// node only. Every other node drops its own when it asks, and hears that there is no value.
    pub(super) fn remove_stale(self: &Arc<Self>, key: Key, since: u64) {
        if self.store.get(&key).is_none() {
            return self.store.remove(&key);
        }
        if self.is_unchanged(&key, since) {
            let (group, removal) = (self.name.clone(), Arc::clone(self));
            self.runtime.handle().spawn(async move {
                if let Err(error) = removal.remove_everywhere(vec![key]).await {
                    tracing::debug!(%group, %error, "a stale value was not removed everywhere");
                }
            });
        }
    }
}
