//! Which keys the protocol can carry. A body is a value and nothing else.

/// In the place of a key, this text asks for the node's health.
pub(super) const HEALTH: &[u8] = b"health";

/// Why the protocol cannot carry a key.
pub(super) fn unsayable(key: &[u8]) -> Option<&'static str> {
    if key.contains(&b'/') {
        Some("carry a key with a slash")
    } else if key == HEALTH {
        Some("carry the key \"health\"")
    } else {
        None
    }
}
