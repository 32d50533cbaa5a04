use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use futures_util::Stream;

use super::missing::Missing;
use crate::group::get::event_of;
use crate::group::inner::Inner;
use crate::{Entry, Error, GetOptions, Key};

/// Room for at most so many outcomes is set aside because an iterator says that it has as many keys.
const MAX_TRUST: usize = 4096;

/// The outcomes of several keys as they come: a stream, made by
/// [`Group::get_many_stream`](crate::Group::get_many_stream).
///
/// # Cancel safety
///
/// May be dropped at any time. Loads that have begun go on, and their values are cached; keys that were yet to
/// begin are given up.
#[must_use = "a stream fetches and loads nothing unless it is polled"]
pub struct GetMany {
    /// The outcomes that need no work.
    found: VecDeque<(usize, Result<Entry, Error>)>,
    missing: Missing,
}

impl GetMany {
    /// Looks the keys up in memory.
    pub(in crate::group) fn new<K: AsRef<[u8]>>(
        inner: &Arc<Inner>,
        keys: impl IntoIterator<Item = K>,
        options: GetOptions,
    ) -> Self {
        let keys = keys.into_iter();
        let expected = keys.size_hint().0.min(MAX_TRUST);
        let (mut found, mut missing) = (VecDeque::with_capacity(expected), Vec::new());
        for (index, key) in keys.enumerate() {
            let key = key.as_ref();
            match inner.lookup_in(options.mode, key) {
                Some(entry) => found.push_back((index, Ok(entry))),
                None => match inner.check_key(key) {
                    Ok(()) => missing.push((index, Key::from(key))),
                    Err(error) => {
                        let outcome = Err(error);
                        inner.count_get(event_of(&outcome), Instant::now());
                        found.push_back((index, outcome));
                    }
                },
            }
        }
        let missing = Missing::new(inner, missing, options);
        Self { found, missing }
    }

    fn len(&self) -> usize {
        self.found.len() + self.missing.len()
    }
}

impl Stream for GetMany {
    type Item = (usize, Result<Entry, Error>);

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<(usize, Result<Entry, Error>)>> {
        if let Some(found) = self.found.pop_front() {
            return Poll::Ready(Some(found));
        }
        Pin::new(&mut self.missing).poll_next(context)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.len(), Some(self.len()))
    }
}

impl fmt::Debug for GetMany {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GetMany")
            .field("found", &self.found.len())
            .field("missing", &self.missing.len())
            .finish_non_exhaustive()
    }
}
