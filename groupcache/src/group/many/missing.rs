use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;
use std::vec;

use futures_util::Stream;

use super::landings::Landings;
use super::peek::Otherwise;
use super::time_limits::TimeLimits;
use crate::group::get::event_of;
use crate::group::inner::Inner;
use crate::stats::Event;
use crate::trace::spans;
use crate::{Entry, Error, GetOptions, Key, Mode};

/// How many missing keys one call has under way at a time. It begins with further ones when these have ended.
const KEYS_AT_ONCE: usize = 4096;

/// The outcomes of the keys that memory lacks, as they come, each with its index in the caller's list.
///
/// Work begins when this stream is polled. Work that has begun goes on when the stream is dropped. The stream
/// counts each outcome, also those of the keys that its caller gives up.
pub(in crate::group) struct Missing {
    inner: Arc<Inner>,
    mode: Mode,
    /// Keys that are yet to begin.
    rest: vec::IntoIter<(usize, Key)>,
    /// The others, by their places here.
    begun: Vec<Begun>,
    under_way: Landings,
    /// Outcomes that the caller is yet to get.
    open: usize,
    limits: TimeLimits,
    /// The error of all further keys, because a time limit has passed.
    given_up: Option<Error>,
    /// When the first keys began.
    since: Option<Instant>,
    /// How many of the keys that have begun are answered or given up, from the first on.
    settled: usize,
}

/// A key that is under way, or has been.
struct Begun {
    index: usize,
    is_answered: bool,
    /// What its last resort is found by, in a group that has any.
    key: Option<Key>,
}

impl Missing {
    /// Keys with their indices in the caller's list.
    pub(in crate::group) fn new(
        inner: &Arc<Inner>,
        keys: Vec<(usize, Key)>,
        options: GetOptions,
    ) -> Self {
        Self {
            inner: Arc::clone(inner),
            mode: options.mode,
            open: keys.len(),
            begun: Vec::with_capacity(keys.len().min(KEYS_AT_ONCE)),
            rest: keys.into_iter(),
            under_way: Landings::none(),
            limits: TimeLimits::new(options.timeout),
            given_up: None,
            since: None,
            settled: 0,
        }
    }

    /// How many outcomes are still to come.
    pub(in crate::group) fn len(&self) -> usize {
        self.open
    }

    /// A peek takes only what is there for any get.
    fn has_last_resort(&self) -> bool {
        self.mode != Mode::Peek && self.inner.has_last_resort()
    }

    fn begin_more(&mut self) {
        self.since.get_or_insert_with(Instant::now);
        (self.begun, self.settled) = (Vec::new(), 0);
        let has_last_resort = self.has_last_resort();
        let keys = self.rest.by_ref().take(KEYS_AT_ONCE);
        let mut under_way = Vec::with_capacity(keys.len());
        for (place, (index, key)) in keys.enumerate() {
            self.begun.push(Begun {
                index,
                is_answered: false,
                key: has_last_resort.then(|| key.clone()),
            });
            under_way.push((place, key));
        }
        let keys = under_way.iter().map(|(_, key)| key);
        self.limits.begin(&self.inner, keys);
        let span = spans::get_many(&self.inner.name, under_way.len(), self.mode);
        self.under_way = span.in_scope(|| match self.mode {
            Mode::Normal => self.inner.fetch_many(under_way),
            Mode::Peek => self.inner.peek_many(under_way, Otherwise::NotFound),
            Mode::NoPeerLoad => self.inner.peek_many(under_way, Otherwise::Load),
        });
    }

    /// The first key that is under way and without an outcome.
    fn unanswered(&mut self) -> Option<usize> {
        let rest = &self.begun[self.settled..];
        let answered = rest.iter().take_while(|begun| begun.is_answered);
        self.settled += answered.count();
        (self.settled < self.begun.len()).then_some(self.settled)
    }

    /// The outcome of the next key that nobody is left to bring one for. Further keys may begin when there is none.
    fn abandoned(&mut self) -> Option<(usize, Result<Entry, Error>)> {
        let place = self.unanswered();
        if place.is_none() {
            self.under_way = Landings::none();
        }
        Some((place?, Err(Error::abandoned())))
    }

    /// The next key that is given up.
    fn give_up(&mut self, error: Error) -> (usize, Result<Entry, Error>) {
        let index = match self.unanswered() {
            Some(place) => {
                self.begun[place].is_answered = true;
                self.begun[place].index
            }
            None => self.rest.next().map_or(0, |(index, _)| index),
        };
        self.given_up = Some(error.clone());
        self.hand_out(index, Err(error), Instant::now())
    }

    /// Counts an outcome that came at this moment.
    fn hand_out(
        &mut self,
        index: usize,
        result: Result<Entry, Error>,
        came: Instant,
    ) -> (usize, Result<Entry, Error>) {
        self.open -= 1;
        self.count(event_of(&result), came);
        (index, result)
    }

    fn count(&self, event: Event, ended: Instant) {
        let begun = self.since.unwrap_or(ended);
        let took = ended.saturating_duration_since(begun);
        self.inner.count_timed_get(event, took);
    }
}

impl Stream for Missing {
    type Item = (usize, Result<Entry, Error>);

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<(usize, Result<Entry, Error>)>> {
        let this = &mut *self;
        if this.open == 0 {
            return Poll::Ready(None);
        }
        if let Some(error) = this.given_up.clone() {
            return Poll::Ready(Some(this.give_up(error)));
        }
        let landed = loop {
            if this.under_way.is_over() {
                this.begin_more();
            }
            match Pin::new(&mut this.under_way).poll_next(context) {
                Poll::Ready(Some(landed)) => break Some(landed),
                Poll::Ready(None) => match this.abandoned() {
                    None => continue,
                    abandoned => break abandoned,
                },
                Poll::Pending => break None,
            }
        };
        if let Some((place, result)) = landed {
            this.limits.progress();
            let begun = &mut this.begun[place];
            begun.is_answered = true;
            let (index, key) = (begun.index, begun.key.take());
            let result = result.or_else(|error| match key {
                Some(key) => this.inner.or_last_resort(&key, error),
                None => Err(error),
            });
            let came = this.under_way.came().unwrap_or_else(Instant::now);
            return Poll::Ready(Some(this.hand_out(index, result, came)));
        }
        match this.limits.poll_over(&this.inner, context) {
            Poll::Ready(error) => Poll::Ready(Some(this.give_up(error))),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl Drop for Missing {
    fn drop(&mut self) {
        let now = Instant::now();
        for _ in 0..self.open {
            self.count(Event::Failed, now);
        }
    }
}
