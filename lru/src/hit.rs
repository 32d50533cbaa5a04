use std::time::Instant;

use crate::Class;

/// What a lookup in a [`Cache`](crate::Cache) found.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Hit<V> {
    /// The value, or a reference to it.
    pub value: V,
    /// The class of the entry.
    pub class: Class,
    /// From this instant on the entry is as good as absent; `None` for an entry that never expires.
    pub expires: Option<Instant>,
    /// The caller's [flag](crate::Meta::flag).
    pub flag: bool,
}

impl<V: Clone> Hit<&V> {
    /// The same hit with a clone of the value.
    #[inline]
    pub fn cloned(self) -> Hit<V> {
        Hit {
            value: self.value.clone(),
            class: self.class,
            expires: self.expires,
            flag: self.flag,
        }
    }
}
