use std::slice;

/// The keys that a change concerns.
#[derive(Clone, Copy, Debug)]
pub enum Scope<'a, K> {
    /// These keys, which were removed.
    Keys(&'a [K]),
    /// This key, which got a new value.
    Value(&'a K),
    /// All keys of the group.
    All,
}

impl<'a, K> Scope<'a, K> {
    /// The keys; `None` for all.
    pub(super) fn keys(self) -> Option<&'a [K]> {
        match self {
            Self::Keys(keys) => Some(keys),
            Self::Value(key) => Some(slice::from_ref(key)),
            Self::All => None,
        }
    }
}
