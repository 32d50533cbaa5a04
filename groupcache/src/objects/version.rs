use crate::Key;

/// Which state of an object: its length and its validator.
///
/// Two versions with the same validator have the same bytes: that is what a source promises. All that is read in one go is
/// of one version.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ObjectVersion {
    len: u64,
    validator: Key,
}

impl ObjectVersion {
    pub(super) fn new(len: u64, validator: Key) -> Self {
        Self { len, validator }
    }

    /// How many bytes the object has.
    #[expect(clippy::len_without_is_empty, reason = "a version holds no bytes")]
    pub fn len(&self) -> u64 {
        self.len
    }

    /// What tells this version from others of the same object: an etag, a version number, a hash.
    pub fn validator(&self) -> &[u8] {
        &self.validator
    }
}
