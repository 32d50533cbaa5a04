//! A store that is compared.

use std::sync::Arc;

use bytes::Bytes;

use super::requests::{MEAN_KEY, Request};

/// Reference-counted bytes, as the keys of a group.
pub(crate) type Key = Arc<[u8]>;

/// The bytes of a value in the measurements of time.
pub(crate) const VALUE: usize = 1024;

/// How much a store may hold. If the store can count bytes, the weight of an entry is the bytes of its key and value. So
/// each store is set up for the same memory.
#[derive(Clone, Copy)]
pub(crate) struct Capacity {
    pub(crate) bytes: usize,
    /// For stores that count entries, and as an estimate for those that ask for one.
    pub(crate) entries: usize,
}

impl Capacity {
    /// Room for so many entries with values of [`VALUE`] bytes.
    pub(crate) fn entries(entries: usize) -> Self {
        Self {
            bytes: entries * (MEAN_KEY + VALUE),
            entries,
        }
    }
}

/// A store that is compared. Set up as its documentation advises for many threads, with its own default hash function.
pub(crate) trait Subject: Sync + Send + Sized + 'static {
    const NAME: &'static str;
    /// What a hit returns.
    type Value;
    fn new(capacity: Capacity) -> Self;
    fn get(&self, key: &[u8]) -> Option<Self::Value>;
    fn insert(&self, key: Key, value: Bytes);
    fn len(&self) -> usize;

    /// A subject that holds the values under the keys `0..`.
    fn filled(capacity: Capacity, values: &[Bytes]) -> Self {
        let subject = Self::new(capacity);
        for (n, value) in (0..).zip(values) {
            subject.insert(Request::new(n).key().into(), value.clone());
        }
        let len = subject.len();
        assert!(
            len * 100 >= values.len() * 99,
            "{} lost entries",
            Self::NAME
        );
        subject
    }
}

/// The bytes of an entry's key and value.
pub(crate) fn weight(key: &[u8], value: &[u8]) -> usize {
    key.len() + value.len()
}

/// Values for the keys `0..`, each in an allocation of its own. All subjects share these values. Each value has been
/// cloned once, because the first clone of a `Bytes` allocates its reference count. Otherwise the counts would lie among
/// the keys of the subject that is filled first.
pub(crate) fn values(keys: u32) -> Vec<Bytes> {
    (0..keys)
        .map(|n| {
            let value = Bytes::from(vec![n as u8; VALUE]);
            drop(value.clone());
            value
        })
        .collect()
}
