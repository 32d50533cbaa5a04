use crate::stats::{Counters, Event};
use crate::{Entry, Error};

/// Counts the outcome of a get exactly once: its result, or that its caller gave it up.
pub(super) struct OutcomeGuard<'a> {
    counters: &'a Counters,
    event: Event,
}

impl<'a> OutcomeGuard<'a> {
    /// A get that has begun.
    pub(super) fn new(counters: &'a Counters) -> Self {
        Self {
            counters,
            event: Event::Failed,
        }
    }

    /// A get that has ended.
    pub(super) fn record(mut self, result: Result<Entry, Error>) -> Result<Entry, Error> {
        self.event = event_of(&result);
        result
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
        self.counters.add(self.event);
    }
}
