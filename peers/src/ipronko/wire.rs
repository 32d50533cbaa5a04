//! Which keys the protocol can say. Values are the whole body, as they are.

/// What asks for the node's health where a key would stand.
pub(super) const HEALTH: &[u8] = b"health";

/// Why a key cannot be said.
pub(super) fn unsayable(key: &[u8]) -> Option<&'static str> {
    if key.contains(&b'/') {
        Some("carry a key with a slash")
    } else if key == HEALTH {
        Some("carry the key \"health\"")
    } else {
        None
    }
}
