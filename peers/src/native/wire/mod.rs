//! The messages, a file each. The `SetRequest` is [`protobuf`](crate::protobuf)'s.

pub(super) mod changes_request;
pub(super) mod changes_response;
pub(super) mod get_many_request;
pub(super) mod get_many_response;
pub(super) mod get_response;
pub(super) mod remove_keys;

use bytes::{Buf as _, Bytes};
use prost::encoding::decode_varint;

/// Where a key would stand: a POST there gets the values of the keys in its body.
pub(super) const GET_MANY: &str = "_get-many/";
/// The same: a POST there removes the keys in its body.
pub(super) const REMOVE_KEYS: &str = "_remove-keys/";
/// The same: a POST there clears the group.
pub(super) const CLEAR: &str = "_clear/";
/// The same: a POST there reads the group's change log.
pub(super) const CHANGES: &str = "_changes/";

/// The bytes of a field, a slice of the message. `None` if the message ends before they do.
fn slice(message: &mut Bytes) -> Option<Bytes> {
    let length = usize::try_from(decode_varint(message).ok()?).ok()?;
    (length <= message.remaining()).then(|| message.split_to(length))
}
