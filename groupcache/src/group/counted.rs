use crate::stats::{Counters, Event};
use crate::{Entry, Error};

/// Counts what a get came to, exactly once: its result, or that its caller gave it up.
pub(super) struct Counted<'a> {
    counters: &'a Counters,
    event: Event,
}

impl<'a> Counted<'a> {
    /// A get that has begun.
    pub(super) fn new(counters: &'a Counters) -> Self {
        Self {
            counters,
            event: Event::Failed,
        }
    }

    /// A get that has ended.
    pub(super) fn with(mut self, result: Result<Entry, Error>) -> Result<Entry, Error> {
        self.event = match &result {
            Ok(entry) => Event::of(entry.source),
            Err(error) if error.is_not_found() => Event::NotFound,
            Err(_) => Event::Failed,
        };
        result
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.counters.add(self.event);
    }
}
