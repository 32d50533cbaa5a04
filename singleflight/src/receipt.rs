use std::sync::Arc;

use crate::sync::Mutex;
use crate::{Error, Outcome};

/// The result of a flight, on its way to one of its callers.
pub(crate) struct Receipt<V> {
    result: Source<V>,
    shared: bool,
}

enum Source<V> {
    Own(Result<V, Error>),
    Stored(Stored<V>),
}

/// A result for several callers. The mutex lets threads share values that are not `Sync`.
pub(crate) struct Stored<V>(Arc<Mutex<Result<V, Error>>>);

impl<V> Stored<V> {
    pub(crate) fn new(result: Result<V, Error>) -> Self {
        Self(Arc::new(Mutex::new(result)))
    }
}

impl<V> Clone for Stored<V> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<V> Receipt<V> {
    pub(crate) fn own(result: Result<V, Error>, shared: bool) -> Self {
        Self {
            result: Source::Own(result),
            shared,
        }
    }

    pub(crate) fn stored(result: Stored<V>, shared: bool) -> Self {
        Self {
            result: Source::Stored(result),
            shared,
        }
    }

    /// Returns the result: the original if this receipt is the last owner, else a clone. Call it
    /// without any lock held, because `V::clone` is foreign code.
    #[inline(always)]
    pub(crate) fn open(self) -> Result<Outcome<V>, Error>
    where
        V: Clone,
    {
        let result = match self.result {
            Source::Own(result) => result,
            Source::Stored(Stored(result)) => match Arc::try_unwrap(result) {
                Ok(result) => result.into_inner(),
                Err(result) => result.lock().clone(),
            },
        };
        result.map(|value| Outcome {
            value,
            shared: self.shared,
        })
    }
}
