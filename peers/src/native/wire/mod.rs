//! The messages, a file each. The `SetRequest` is [`protobuf`](crate::protobuf)'s.

pub(super) mod get_many_request;
pub(super) mod get_many_response;
pub(super) mod get_response;
pub(super) mod knowledge;
pub(super) mod member_ids;
pub(super) mod offer;
pub(super) mod remove_keys;
mod text;

use bytes::BufMut as _;
use prost::encoding::{WireType, decode_varint, encode_key};

use crate::NodeState;

/// Where a key would stand: a POST there gets the values of the keys in its body.
pub(super) const GET_MANY: &str = "_get-many/";
/// The same: a POST there removes the keys in its body.
pub(super) const REMOVE_KEYS: &str = "_remove-keys/";
/// The same: a POST there clears the group.
pub(super) const CLEAR: &str = "_clear/";

/// Where a group and a key would stand: a POST there exchanges what two nodes know of changes. There is no slash in it, and
/// so no group can be meant.
pub(super) const SYNC: &str = "_sync";
/// The same: a POST there says which members have not been told of changes.
pub(super) const BEHIND: &str = "_behind";
/// The same: a POST there offers values.
pub(super) const OFFER: &str = "_offer";

/// The type of the messages there.
pub(super) const BYTES: &str = "application/octet-stream";

/// The most changes of one key that a message has.
pub(super) const MAX_KNOWN: usize = 128;

/// How long the field of a value's life is; see [`encode_life`].
fn life_len(tag: u32, life: Option<u64>) -> usize {
    life.map_or(0, |life| prost::encoding::uint64::encoded_len(tag, &life))
}

/// Writes how long a value has yet to live, if it does not live for ever.
fn encode_life(tag: u32, life: Option<u64>, message: &mut Vec<u8>) {
    if let Some(life) = life {
        prost::encoding::uint64::encode(tag, &life, message);
    }
}

/// How long the fields of a node's state are; see [`encode_state`].
fn state_len(state: Option<NodeState>) -> usize {
    if state.is_some() { STATE_LEN } else { 0 }
}

/// How long the fields of a node's state are, if there is one: two keys, with eight bytes each.
const STATE_LEN: usize = 2 * (1 + 8);

/// Writes how a node stands that says this, as the field of this tag and the next one. Both are less than 16.
fn encode_state(tag: u32, state: Option<NodeState>, message: &mut Vec<u8>) {
    if let Some(NodeState { origin, made }) = state {
        for (tag, number) in (tag..).zip([origin, made]) {
            encode_key(tag, WireType::SixtyFourBit, message);
            message.put_u64_le(number);
        }
    }
}

/// The bytes of a field. `None` if the message ends before they do.
fn part<'a>(message: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::try_from(decode_varint(message).ok()?).ok()?;
    let (part, rest) = message.split_at_checked(length)?;
    *message = rest;
    Some(part)
}
