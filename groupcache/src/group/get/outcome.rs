use std::time::{Duration, Instant};

use crate::group::inner::Inner;
use crate::stats::Event;
use crate::{Entry, Error};

/// Counts the outcome of a get exactly once, and its time: its result, or that its caller gave it up.
pub(super) struct OutcomeGuard<'a> {
    inner: &'a Inner,
    begun: Instant,
    event: Event,
}

impl<'a> OutcomeGuard<'a> {
    /// A get that has begun.
    pub(super) fn new(inner: &'a Inner) -> Self {
        Self {
            inner,
            begun: Instant::now(),
            event: Event::Failed,
        }
    }

    /// A get that has ended.
    pub(super) fn record(mut self, result: Result<Entry, Error>) -> Result<Entry, Error> {
        self.event = event_of(&result);
        result
    }
}

impl Inner {
    /// Counts a get that has ended with this event, and its time.
    pub(in crate::group) fn count_get(&self, event: Event, begun: Instant) {
        self.count_timed_get(event, begun.elapsed());
    }

    /// Counts a get that has taken this long.
    pub(in crate::group) fn count_timed_get(&self, event: Event, took: Duration) {
        self.counters.add(event);
        self.measures.record_get(event, took);
    }
}

/// The event that a get with this result is.
pub(in crate::group) fn event_of(result: &Result<Entry, Error>) -> Event {
    match result {
        Ok(entry) => Event::of(entry.source),
        Err(error) if error.is_not_found() => Event::NotFound,
        Err(_) => Event::Failed,
    }
}

impl Drop for OutcomeGuard<'_> {
    fn drop(&mut self) {
        self.inner.count_get(self.event, self.begun);
    }
}
