use crate::Key;

/// A key that is asked for often.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct HotKey {
    /// The key, or the hash in its place where keys are [hidden](crate::NodeBuilder::hide_keys).
    #[cfg_attr(feature = "serde", serde(serialize_with = "super::serialized::key"))]
    pub key: Key,
    /// Requests per minute over about the last minute: of all nodes for a key that this node owns, else of the callers
    /// here.
    pub per_minute: f64,
    /// Whether this node owns the key.
    pub is_own: bool,
    /// Whether this node has a mirror of the value, which another node owns.
    pub is_mirrored: bool,
}
