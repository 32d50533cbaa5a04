use std::time::SystemTime;

use bytes::Bytes;
use byteview::ByteView;

/// One question to a peer: the value of `key` in `group`.
#[derive(Clone, Copy, Debug)]
pub struct GetRequest<'a> {
    /// Name of the group.
    pub group: &'a str,
    /// The key, any bytes.
    pub key: &'a [u8],
    /// How far the peer may go to find the value.
    pub mode: GetMode,
}

/// How far a peer may go to answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum GetMode {
    /// Look the value up and, if it is not cached, load it.
    #[default]
    Load,
    /// Answer only from the cache; not found otherwise. Not every protocol can say this.
    Peek,
    /// As [`Load`](Self::Load), but the asker does not want the value: the reply may be empty.
    /// Where a protocol cannot say this, the value is sent all the same.
    WarmUp,
}

/// Tells a key's owner its new value.
#[derive(Clone, Debug)]
pub struct SetRequest<'a> {
    /// Name of the group.
    pub group: &'a str,
    /// The key, any bytes.
    pub key: &'a [u8],
    /// The value.
    pub value: ByteView,
    /// When the value stops being fresh; `None`: as the owner's group says.
    pub expires_at: Option<SystemTime>,
    /// Who else is told.
    pub phase: Phase,
}

/// Tells a peer to forget what it holds under some keys.
#[derive(Clone, Copy, Debug)]
pub struct RemoveRequest<'a> {
    /// Name of the group.
    pub group: &'a str,
    /// The keys, any bytes each.
    pub keys: &'a [&'a [u8]],
    /// Who else is told.
    pub phase: Phase,
}

/// How a removal, set or clear goes round. Only the native protocol can say; under the others
/// everybody is told as in [`Only`](Self::Only).
///
/// A change that goes round has a number, so that somebody who was told of it directly need not
/// heed it once more when it turns up in an owner's [log](LogPosition).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Nobody else is told.
    #[default]
    Only,
    /// Those who answer for the keys are told of the change with this number, and then all others. The
    /// owner writes it down.
    First(u64),
    /// All are told, once the first phase is over.
    Last(u64),
}

/// A peer's answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reply {
    /// The value.
    pub value: ByteView,
    /// When the value stops being fresh, in the owner's wall-clock time; `None` if the owner did
    /// not say or the protocol cannot.
    pub expires_at: Option<SystemTime>,
    /// Requests per minute that the owner measured for the key over all nodes; `None` if the owner
    /// did not say.
    pub minute_qps: Option<f64>,
    /// How far the log of the peer's changes to the group has got, taken after the value was;
    /// `None` if the peer keeps none or the protocol cannot say.
    pub log: Option<LogPosition>,
}

/// A place in a node's log of its changes to a group: of the keys it owns that were removed or set.
///
/// Who remembers how far it knows a peer's log learns from a [`Reply`] that there is more in it, and
/// [asks for that](crate::PeerClient::changes).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogPosition {
    /// Which log: another one each time the node starts. Never zero, which is for "none known".
    pub log: u64,
    /// How many changes are in it up to this place.
    pub changes: u64,
}

/// Asks a peer what has changed in a group.
#[derive(Clone, Copy, Debug)]
pub struct ChangesRequest<'a> {
    /// Name of the group.
    pub group: &'a str,
    /// How far the asker knows the peer's log; the default if it knows nothing of it.
    pub since: LogPosition,
}

/// What has changed in a group, as a peer's log has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Up to where this tells.
    pub position: LogPosition,
    /// The changes, the oldest first.
    pub changes: Vec<LoggedChange>,
    /// More has changed than the log still holds: any key that the peer owns may have.
    pub all: bool,
}

/// One change in a log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LoggedChange {
    /// The number with which it went round in a [`Phase`]; 0 if it has none.
    pub number: u64,
    /// The key that was removed or set; `None`: all of the group were removed.
    pub key: Option<Bytes>,
}
