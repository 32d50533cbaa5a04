use std::{error, fmt};

/// An entry that was not stored. The error holds the key and the value. The entries in the store are
/// unchanged: an older entry under the same key stays, and no entry was evicted for the newcomer.
/// For the exceptions see [`Cache::insert`](crate::Cache::insert) and
/// [`Cache::insert_if`](crate::Cache::insert_if).
pub struct InsertError<K, V> {
    key: K,
    value: V,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    TooLarge { charge: usize, budget: usize },
    Declined,
}

impl<K, V> InsertError<K, V> {
    pub(crate) fn too_large(key: K, value: V, charge: usize, budget: usize) -> Self {
        Self {
            key,
            value,
            kind: Kind::TooLarge { charge, budget },
        }
    }

    pub(crate) fn declined(key: K, value: V) -> Self {
        Self {
            key,
            value,
            kind: Kind::Declined,
        }
    }

    /// Whether the charge of the entry exceeds the whole budget.
    pub fn is_too_large(&self) -> bool {
        matches!(self.kind, Kind::TooLarge { .. })
    }

    /// Whether the condition of [`Cache::insert_if`](crate::Cache::insert_if) did not hold.
    pub fn is_declined(&self) -> bool {
        self.kind == Kind::Declined
    }

    /// The key of the entry.
    pub fn key(&self) -> &K {
        &self.key
    }

    /// The value of the entry.
    pub fn value(&self) -> &V {
        &self.value
    }

    /// Takes the key and the value back.
    pub fn into_parts(self) -> (K, V) {
        (self.key, self.value)
    }
}

impl<K, V> fmt::Display for InsertError<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            Kind::TooLarge { charge, budget } => {
                write!(
                    f,
                    "entry of {charge} bytes is larger than the whole budget of {budget}"
                )
            }
            Kind::Declined => f.write_str("entry declined by the condition of its insert"),
        }
    }
}

// Prints neither key nor value: they may be large, secret, or not `Debug`.
impl<K, V> fmt::Debug for InsertError<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("InsertError").field(&self.kind).finish()
    }
}

impl<K, V> error::Error for InsertError<K, V> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_adds_three_words_to_the_entry() {
        assert!(size_of::<InsertError<(), ()>>() <= 3 * size_of::<usize>());
    }

    #[test]
    fn errors_travel_between_threads() {
        fn travels<T: error::Error + Send + Sync + 'static>() {}
        travels::<InsertError<String, Vec<u8>>>();
    }

    #[test]
    fn the_message_names_the_charge_and_the_budget() {
        let error = InsertError::too_large("k", "v", 11, 10);
        assert_eq!(
            error.to_string(),
            "entry of 11 bytes is larger than the whole budget of 10"
        );
        assert!(error.is_too_large() && !error.is_declined());
        assert_eq!(error.into_parts(), ("k", "v"));
    }
}
