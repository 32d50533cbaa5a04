//! The messages, a file each. The `SetRequest` is [`protobuf`](crate::protobuf)'s.

pub(super) mod changes_request;
pub(super) mod changes_response;
pub(super) mod get_response;
pub(super) mod remove_keys;

/// Where a key would stand: a POST there removes the keys in its body.
pub(super) const REMOVE_KEYS: &str = "_remove-keys/";
/// The same: a POST there clears the group.
pub(super) const CLEAR: &str = "_clear/";
/// The same: a POST there reads the group's change log.
pub(super) const CHANGES: &str = "_changes/";
