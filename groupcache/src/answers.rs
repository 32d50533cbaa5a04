use std::collections::HashMap;
use std::fmt;

use crate::{GetterError, Key, NotFound, Value};

/// What a [bulk load](crate::Getter::get_many) found: the outcome of each key.
///
/// An outcome for a key that was not asked for is ignored. A key without an outcome gets an error that
/// [`is_unanswered`](crate::Error::is_unanswered), unless the rest is said to be
/// [not found](Self::or_not_found).
///
/// ```
/// use groupcache::{Answers, Value};
///
/// // The rows of a query, which has none for a key without a value.
/// let rows = [("ada", "Ada Lovelace"), ("grace", "Grace Hopper")];
/// let answers: Answers = Answers::found(rows).or_not_found();
///
/// // An outcome for each key.
/// let answers: Answers = [("ada", Ok("Ada Lovelace")), ("eve", Err("no access"))].into_iter().collect();
/// # drop(answers);
/// ```
pub struct Answers<V = Value> {
    by_key: HashMap<Key, Result<V, GetterError>>,
    others: Others,
}

/// What is said about the keys without an outcome of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Others {
    Unanswered,
    NotFound,
    OneByOne,
}

impl<V> Answers<V> {
    /// No outcomes yet.
    pub fn new() -> Self {
        Self::with(Others::Unanswered)
    }

    /// Every key without an outcome is loaded on its own, by [`Getter::get`](crate::Getter::get). These loads run
    /// at once, as those of as many single gets do.
    ///
    /// A [`Bulk`](crate::Bulk) has no such getter: the keys have an error then.
    pub fn one_by_one() -> Self {
        Self::with(Others::OneByOne)
    }

    /// These keys have these values.
    pub fn found<K: Into<Key>, T: Into<V>>(values: impl IntoIterator<Item = (K, T)>) -> Self {
        let mut answers = Self::new();
        for (key, value) in values {
            answers.insert(key, value);
        }
        answers
    }

    /// Every key without an outcome has no value.
    pub fn or_not_found(mut self) -> Self {
        self.others = Others::NotFound;
        self
    }

    /// The key has this value.
    pub fn insert(&mut self, key: impl Into<Key>, value: impl Into<V>) {
        self.by_key.insert(key.into(), Ok(value.into()));
    }

    /// The key has no value, or could not be loaded: any error, or [`NotFound`].
    pub fn fail(&mut self, key: impl Into<Key>, error: impl Into<GetterError>) {
        self.by_key.insert(key.into(), Err(error.into()));
    }

    fn with(others: Others) -> Self {
        Self {
            by_key: HashMap::new(),
            others,
        }
    }

    /// Whether the key is to be loaded on its own.
    pub(crate) fn leave_alone(&self, key: &Key) -> bool {
        self.others == Others::OneByOne && !self.by_key.contains_key(key)
    }

    /// The outcome of a key. Each can be taken once.
    pub(crate) fn take(&mut self, key: &Key) -> Result<V, GetterError> {
        self.by_key
            .remove(key)
            .unwrap_or_else(|| match self.others {
                Others::NotFound => Err(NotFound.into()),
                Others::Unanswered => Err(Unanswered.into()),
                Others::OneByOne => Err("a bulk function has no getter of single keys".into()),
            })
    }

    /// The same outcomes, with other values.
    pub(crate) fn map<T>(self, change: impl Fn(V) -> Result<T, GetterError>) -> Answers<T> {
        let by_key = self.by_key.into_iter();
        Answers {
            by_key: by_key
                .map(|(key, outcome)| (key, outcome.and_then(&change)))
                .collect(),
            others: self.others,
        }
    }
}

impl<V> Default for Answers<V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<V, K, T, E> FromIterator<(K, Result<T, E>)> for Answers<V>
where
    K: Into<Key>,
    T: Into<V>,
    E: Into<GetterError>,
{
    fn from_iter<I: IntoIterator<Item = (K, Result<T, E>)>>(outcomes: I) -> Self {
        let outcomes = outcomes.into_iter();
        Self {
            by_key: outcomes
                .map(|(key, outcome)| (key.into(), outcome.map(T::into).map_err(E::into)))
                .collect(),
            others: Others::Unanswered,
        }
    }
}

impl<V> fmt::Debug for Answers<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answers")
            .field("keys", &self.by_key.keys())
            .field("others", &self.others)
            .finish_non_exhaustive()
    }
}

/// The error of a key for which a bulk load has no outcome.
#[derive(Debug)]
pub(crate) struct Unanswered;

impl fmt::Display for Unanswered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the bulk load has no outcome for the key")
    }
}

impl std::error::Error for Unanswered {}
