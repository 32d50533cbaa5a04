use crate::Meta;

/// What a lookup in a [`Cache`](crate::Cache) found.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Hit<V> {
    /// A clone of the value.
    pub value: V,
    /// Charge, class and expiry of the entry.
    pub meta: Meta,
}
