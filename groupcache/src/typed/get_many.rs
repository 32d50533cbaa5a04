use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use futures_util::Stream;
use futures_util::stream::FuturesUnordered;
use peers::BoxFuture;

use super::codec::Codec;
use super::group::TypedGroup;
use crate::group::in_order;
use crate::{Entry, Error, GetMany, GetOptions, Key};

/// A key's index in the caller's list, and its outcome.
type Outcome<T> = (usize, Result<Entry<T>, Error>);

/// How many entries of one call are replaced at a time, because their bytes do not decode.
const REPLACED_AT_ONCE: usize = 16;

/// # Several values
impl<T: 'static, C: Codec<T>> TypedGroup<T, C> {
    /// The values of several keys, in their order, as [`Group::get_many`](crate::Group::get_many), decoded.
    ///
    /// # Errors
    ///
    /// Those of each key, as of [`get`](Self::get).
    ///
    /// # Cancel safety
    ///
    /// As [`Group::get_many`](crate::Group::get_many).
    pub async fn get_many<K: AsRef<[u8]>>(
        &self,
        keys: impl IntoIterator<Item = K>,
    ) -> Vec<Result<T, Error>> {
        let outcomes = self.get_many_with_options(keys, GetOptions::default());
        let outcomes = outcomes.await.into_iter();
        outcomes
            .map(|outcome| outcome.map(Entry::into_value))
            .collect()
    }

    /// Like [`get_many`](Self::get_many), with the sources of the values, a time limit, or only from where the
    /// values are cached.
    ///
    /// # Errors
    ///
    /// Those of each key, as of [`get_with_options`](Self::get_with_options).
    ///
    /// # Cancel safety
    ///
    /// As [`Group::get_many`](crate::Group::get_many).
    pub async fn get_many_with_options<K: AsRef<[u8]>>(
        &self,
        keys: impl IntoIterator<Item = K>,
        options: GetOptions,
    ) -> Vec<Result<Entry<T>, Error>> {
        in_order(self.get_many_stream(keys, options)).await
    }

    /// Like [`get_many_with_options`](Self::get_many_with_options), with each outcome as it comes, as
    /// [`Group::get_many_stream`](crate::Group::get_many_stream). The stream borrows nothing: a task may take it.
    ///
    /// # Errors
    ///
    /// As [`get_many_with_options`](Self::get_many_with_options).
    ///
    /// # Cancel safety
    ///
    /// As [`Group::get_many_stream`](crate::Group::get_many_stream).
    pub fn get_many_stream<K: AsRef<[u8]>>(
        &self,
        keys: impl IntoIterator<Item = K>,
        options: GetOptions,
    ) -> TypedGetMany<T, C> {
        let keys: Vec<Key> = keys.into_iter().map(|key| key.as_ref().into()).collect();
        TypedGetMany::new(self.clone(), keys, options)
    }
}

/// The outcomes of several keys as they come, decoded: a stream, made by
/// [`TypedGroup::get_many_stream`](crate::TypedGroup::get_many_stream).
///
/// # Cancel safety
///
/// As [`GetMany`].
#[must_use = "a stream fetches and loads nothing unless it is polled"]
pub struct TypedGetMany<T, C> {
    group: TypedGroup<T, C>,
    options: GetOptions,
    keys: Vec<Key>,
    entries: GetMany,
    /// Loads in place of bytes that do not decode.
    replaced: FuturesUnordered<BoxFuture<'static, Outcome<T>>>,
    /// The first poll, from which on the time limit runs.
    start: Option<Instant>,
}

impl<T, C> TypedGetMany<T, C> {
    /// Looks the keys up in memory.
    pub(super) fn new(group: TypedGroup<T, C>, keys: Vec<Key>, options: GetOptions) -> Self {
        Self {
            entries: group.group().get_many_stream(&keys, options),
            group,
            options,
            keys,
            replaced: FuturesUnordered::new(),
            start: None,
        }
    }

    fn len(&self) -> usize {
        self.entries.size_hint().0 + self.replaced.len()
    }
}

/// Nothing in it is pinned in place.
impl<T, C> Unpin for TypedGetMany<T, C> {}

impl<T: 'static, C: Codec<T>> Stream for TypedGetMany<T, C> {
    type Item = Outcome<T>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Outcome<T>>> {
        let this = &mut *self;
        let start = *this.start.get_or_insert_with(Instant::now);
        while this.replaced.len() < REPLACED_AT_ONCE
            && let Poll::Ready(Some((index, entry))) =
                Pin::new(&mut this.entries).poll_next(context)
        {
            let entry = match entry.map(|entry| this.group.try_decode(entry)) {
                Ok(Ok(decoded)) => return Poll::Ready(Some((index, Ok(decoded)))),
                Err(error) => return Poll::Ready(Some((index, Err(error)))),
                Ok(Err(undecodable)) => undecodable,
            };
            let (group, key, options) =
                (this.group.clone(), this.keys[index].clone(), this.options);
            this.replaced.push(Box::pin(async move {
                (index, group.replaced(entry, key, options, start).await)
            }));
        }
        match Pin::new(&mut this.replaced).poll_next(context) {
            Poll::Ready(None) if this.len() > 0 => Poll::Pending,
            replaced => replaced,
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.len(), Some(self.len()))
    }
}

impl<T, C> fmt::Debug for TypedGetMany<T, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TypedGetMany")
            .field("entries", &self.entries)
            .field("replaced", &self.replaced.len())
            .finish_non_exhaustive()
    }
}
