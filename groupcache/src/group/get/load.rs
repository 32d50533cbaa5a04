//! Step 5, the load flight: the one place that calls the getter.

use std::pin::pin;
use std::sync::Arc;
use std::time::Instant;

use peers::load_scope;

use crate::group::flights::Call;
use crate::group::inner::Inner;
use crate::report::FailedStep;
use crate::stats::Event;
use crate::store::Tier;
use crate::trace::{recorded, spans};
use crate::{Entry, Error, GetterError, Key, Source, Value};

impl Inner {
    /// Waits for this node's load of the key, and starts it if there is none.
    ///
    /// The load runs on a task of its own, to its end, and its value is stored: a caller that has given up
    /// finds the value when it asks again.
    pub(in crate::group) async fn load(self: &Arc<Self>, key: Key) -> Result<Entry, Error> {
        let mut call = self.join_load(key);
        call.detach();
        call.landing(|| self.limits.longest_load()).await
    }

    pub(super) fn join_load(self: &Arc<Self>, key: Key) -> Call {
        self.loads
            .join(key.clone(), || Arc::clone(self).load_now(key))
    }

    pub(super) async fn load_now(self: Arc<Self>, key: Key) -> Result<Entry, Error> {
        let since = self.coherence.position();
        if let Some(entry) = self.landed(&key) {
            return Ok(entry);
        }
        #[cfg(feature = "disk")]
        if let Some(entry) = self.load_from_disk(&key, since).await {
            return Ok(entry);
        }
        let former = self.router.former_owners(&key);
        // Boxed for the same reason as a fetch flight's exchange.
        if !former.is_empty()
            && !self.is_refreshed_ahead(&key)
            && let Some(entry) = Box::pin(self.take_over(&former, &key, since)).await
        {
            return Ok(entry);
        }
        self.call_getter_or_pause(key, since).await
    }

    /// Whether this is the load of an own value that is still fresh, of which others have nothing better than copies.
    fn is_refreshed_ahead(&self, key: &[u8]) -> bool {
        let held = self.store.get(key);
        held.is_some_and(|held| held.source == Source::Main)
    }

    /// Calls the getter, unless its last calls for the key have failed just now.
    pub(in crate::group) async fn call_getter_or_pause(
        self: &Arc<Self>,
        key: Key,
        since: u64,
    ) -> Result<Entry, Error> {
        match self.pause_of_load(&key) {
            Some(error) => Err(error),
            None => self.call_getter(key, since).await,
        }
    }

    /// The error with which a load ends at once, because the getter's last calls for the key have failed, or the last one has
    /// found no value.
    pub(in crate::group) fn pause_of_load(&self, key: &Key) -> Option<Error> {
        let now = || self.clock.now();
        let is_unchanged = |since| self.is_unchanged(key, since);
        let absence = self.absences.find(key, now, is_unchanged);
        absence.or_else(|| self.failures.pause_of_load(key, now))
    }

    /// Calls the getter, and keeps its value.
    pub(in crate::group) async fn call_getter(
        self: &Arc<Self>,
        key: Key,
        since: u64,
    ) -> Result<Entry, Error> {
        let shed = |error: &Error| self.note_failed_load(&key, error, &mut false);
        let _turn = self.turns.next().await.inspect_err(shed)?;
        self.counters.add(Event::GetterCall);
        let timed = Timed::new(self);
        let panics = PanicRecorder {
            inner: self,
            key: &key,
        };
        let span = spans::load(self.traced(), &key);
        // The getter is called within its span.
        let call = async { self.getter.get_boxed(key.clone()).await };
        let value = recorded(span, pin!(self.wait_for_getter(call))).await;
        drop(timed);
        let result = value.and_then(|value| self.keep(&key, value, since));
        drop(panics);
        self.note_load(&key, since, &result, &mut false);
        result
    }

    /// The result of a getter call, which has a time limit.
    pub(in crate::group) async fn wait_for_getter<T>(
        &self,
        call: impl Future<Output = Result<T, GetterError>>,
    ) -> Result<T, Error> {
        let limit = self.limits.load_timeout;
        tokio::time::timeout(limit, load_scope(call))
            .await
            .map_err(|_| Error::timed_out("the getter", limit))?
            .map_err(Error::from_getter)
    }

    /// Stores a value that the getter has loaded.
    pub(in crate::group) fn keep(
        &self,
        key: &Key,
        value: Value,
        since: u64,
    ) -> Result<Entry, Error> {
        self.measures.value_sizes.record(value.view().len() as u64);
        self.check_value("the getter's value", value.view())?;
        let now = self.clock.now();
        let lifetime = self.freshness.of_load(value.expiry(), now);
        let mut view = value.into_view();
        if lifetime.is_kept(now) {
            view = view.compact();
            self.store_since(since, key, view.clone(), Tier::Main, lifetime);
        } else if self.is_unchanged(key, since) {
            // What was there before is outdated.
            self.store.remove(key);
        }
        Ok(Entry {
            value: view,
            source: Source::Origin,
            fresh_until: lifetime.fresh_until,
        })
    }

    /// Notes how a load has ended, for the key's next load, and [notes](Self::note_failure) a failure for reports.
    pub(in crate::group) fn note_load(
        self: &Arc<Self>,
        key: &Key,
        since: u64,
        result: &Result<Entry, Error>,
        is_noted: &mut bool,
    ) {
        match result {
            Ok(_) => {
                self.failures.clear(key);
                self.absences.clear(key);
            }
            Err(error) if error.is_not_found() => {
                self.failures.clear(key);
                // With leases, a change does not wait for a node that does not answer for the key.
                if self.freshness.mirror_lease.is_none() || self.answers_for(key) {
                    self.absences.note(key, since, self.clock.now());
                }
                self.remove_stale(key.clone(), since);
            }
            Err(error) => self.note_failed_load(key, error, is_noted),
        }
    }

    fn note_failed_load(&self, key: &Key, error: &Error, is_noted: &mut bool) {
        self.failures.record(key, error, self.clock.now());
        self.note_failure(FailedStep::Load, error, Some(key), None, is_noted);
    }
}

/// Measures a getter call, up to the moment at which it is dropped, also by a panic.
struct Timed<'a> {
    inner: &'a Inner,
    begun: Instant,
}

impl<'a> Timed<'a> {
    fn new(inner: &'a Inner) -> Self {
        Self {
            inner,
            begun: Instant::now(),
        }
    }
}

impl Drop for Timed<'_> {
    fn drop(&mut self) {
        self.inner.measures.getter.record_time(self.begun.elapsed());
    }
}

/// Records a failed load if it is dropped by a panic of the getter.
struct PanicRecorder<'a> {
    inner: &'a Inner,
    key: &'a Key,
}

impl Drop for PanicRecorder<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let error = Error::getter_panicked("in the last call for the key");
            self.inner.note_failed_load(self.key, &error, &mut false);
        }
    }
}
