//! A value that is stale, or about to be, is served while one flight in the background replaces it.

use std::sync::Arc;

use crate::group::inner::Inner;
use crate::group::places::Place;
use crate::stats::Event;
use crate::trace::spans;
use crate::{Entry, Error, Key};

impl Inner {
    /// Starts a fetch that replaces a value, unless one is under way, the last one has just failed, or too many others
    /// are under way. Does not wait.
    pub(super) fn refresh(self: &Arc<Self>, key: &[u8]) {
        // Nobody waits for a refresh, so that its load does not wait for a turn before those who do.
        if !self.fetches.contains(key)
            && (self.turns.are_free() || !self.owns(key))
            && !self.pauses_refresh(key)
            && let Some(place) = self.refreshes.take()
        {
            let (inner, key) = (Arc::clone(self), Key::from(key));
            let refetch = || {
                self.counters.add(Event::Refresh);
                inner.refetch(key.clone(), place)
            };
            spans::refresh(self.traced(), &key)
                .in_scope(|| drop(self.fetches.join(key.clone(), refetch)));
        }
    }

    /// The same for a peer that asked for the value: a load, as this node has to answer for it.
    pub(in crate::group) fn reload(self: &Arc<Self>, key: &[u8]) {
        if !self.loads.contains(key)
            && self.turns.are_free()
            && !self.pauses_refresh(key)
            && let Some(place) = self.refreshes.take()
        {
            let (inner, key) = (Arc::clone(self), Key::from(key));
            let load = || {
                self.counters.add(Event::Refresh);
                inner.load_again(key.clone(), place)
            };
            spans::refresh(self.traced(), &key)
                .in_scope(|| drop(self.loads.join(key.clone(), load)));
        }
    }

    fn pauses_refresh(&self, key: &[u8]) -> bool {
        self.failures.pauses_refresh(key, || self.clock.now())
    }

    /// The work of a refresh for a peer.
    async fn load_again(self: Arc<Self>, key: Key, _place: Place) -> Result<Entry, Error> {
        self.load_now(key).await
    }

    /// The work of a refresh. A load on this node notes its failure itself.
    async fn refetch(self: Arc<Self>, key: Key, _place: Place) -> Result<Entry, Error> {
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

    /// A load has found that there is no value any more: no node goes on serving the stale one. One that nobody serves but as a
    /// last resort goes where its owner says so.
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
