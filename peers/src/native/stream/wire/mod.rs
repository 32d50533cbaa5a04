//! The messages, a file each. All numbers are little-endian. What a message's last field is, takes the
//! rest of the message.

pub(super) mod answer;
pub(super) mod clear;
pub(super) mod failure;
pub(super) mod get;
pub(super) mod get_many;
mod known;
pub(super) mod of_node;
pub(super) mod remove;
pub(super) mod set;
mod stamp;
pub(super) mod value;

/// The kinds of frames in which the messages travel.
pub(super) mod kind {
    pub(crate) const GET: u8 = 16;
    pub(crate) const SET: u8 = 17;
    pub(crate) const REMOVE: u8 = 18;
    pub(crate) const CLEAR: u8 = 19;
    pub(crate) const SYNC: u8 = 20;
    pub(crate) const GET_MANY: u8 = 21;
    pub(crate) const BEHIND: u8 = 22;
    pub(crate) const OFFER: u8 = 23;

    pub(crate) const VALUE: u8 = 32;
    pub(crate) const DONE: u8 = 33;
    pub(crate) const KNOWLEDGE: u8 = 34;
    pub(crate) const FAILURE: u8 = 35;
    pub(crate) const VALUES: u8 = 36;
}

/// The length of a group's name, as a field.
fn name_len(group: &str) -> u16 {
    // A longer name is no group's: the peer will say so.
    u16::try_from(group.len()).unwrap_or(u16::MAX)
}

/// As much of a group's name as the field of its length can say.
fn name_bytes(group: &str) -> &[u8] {
    &group.as_bytes()[..usize::from(name_len(group))]
}

/// The bytes of a message, body included.
#[cfg(test)]
fn bytes_of(message: &impl crate::stream::Message) -> Vec<u8> {
    let mut bytes = Vec::new();
    message.write_fields(&mut bytes);
    assert_eq!(bytes.len(), message.fields_len());
    bytes.extend_from_slice(message.body().map_or(&[], |body| &**body));
    bytes
}
