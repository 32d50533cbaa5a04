use std::time::SystemTime;

use bytes::Bytes;
use byteview::ByteView;

use crate::Error;

/// Asks a peer for the value of `key` in `group`.
#[derive(Clone, Copy, Debug)]
pub struct GetRequest<'a> {
    /// Name of the group.
    pub group: &'a str,
    /// The key, any bytes.
    pub key: &'a [u8],
    /// How far the peer may go to find the value.
    pub mode: GetMode,
}

/// Asks a peer for the values of several keys in `group`, in one exchange.
#[derive(Clone, Copy, Debug)]
pub struct GetManyRequest<'a> {
    /// Name of the group.
    pub group: &'a str,
    /// The keys, any bytes each; at most [`MAX_KEYS`](Self::MAX_KEYS) of at most
    /// [`MAX_BYTES`](Self::MAX_BYTES) together.
    pub keys: &'a [&'a [u8]],
    /// How far the peer may go to find the values.
    pub mode: GetMode,
}

impl GetManyRequest<'_> {
    /// The most keys of one request.
    pub const MAX_KEYS: usize = 1024;

    /// The most bytes of all keys of one request: 768 KiB.
    pub const MAX_BYTES: usize = 768 << 10;

    /// Refuses a request beyond these limits. Otherwise returns the keys that `check` accepts, and the places and
    /// errors of the others.
    pub(crate) fn checked(
        &self,
        check: impl Fn(&[u8]) -> Result<(), Error>,
    ) -> Result<(Vec<&[u8]>, Refused), Error> {
        let count = self.keys.len();
        if count > Self::MAX_KEYS {
            let (count, limit) = (count as u64, Self::MAX_KEYS as u64);
            return Err(Error::too_many("keys in one request", count, limit));
        }
        let bytes: usize = self.keys.iter().map(|key| key.len()).sum();
        if bytes > Self::MAX_BYTES {
            let (bytes, limit) = (bytes as u64, Self::MAX_BYTES as u64);
            return Err(Error::too_large("the keys of one request", bytes, limit));
        }
        let (mut accepted, mut refused) = (Vec::with_capacity(count), Vec::new());
        for (place, &key) in self.keys.iter().enumerate() {
            match check(key) {
                Ok(()) => accepted.push(key),
                Err(error) => refused.push((place, error)),
            }
        }
        Ok((accepted, refused))
    }
}

/// How far a peer may go to answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum GetMode {
    /// Look the value up and, if it is not cached, load it.
    #[default]
    Load,
    /// Answer only from the cache; not found otherwise. Not every protocol can carry this.
    Peek,
    /// As [`Load`](Self::Load), but the asker does not want the value: the reply may be empty.
    /// Where a protocol cannot carry this, the reply has the value.
    WarmUp,
}

/// Gives a key's owner a new value.
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
    /// Where the change stands on its way through the cluster.
    pub phase: Phase,
}

/// Removes the values of some keys from a peer's caches.
#[derive(Clone, Copy, Debug)]
pub struct RemoveRequest<'a> {
    /// Name of the group.
    pub group: &'a str,
    /// The keys, any bytes each.
    pub keys: &'a [&'a [u8]],
    /// Where the change stands on its way through the cluster.
    pub phase: Phase,
}

/// Where a removal, set or clear stands on its way through the cluster. Only the native protocol
/// carries the phase; a message of another protocol counts as [`Only`](Self::Only).
///
/// A mirror that is removed may come back as long as any node still serves the old value. So the
/// first phase goes to the nodes that answer for a key, and the last one to all nodes. Each change
/// has an id, by which a node recognises the change in an owner's [log](LogPosition).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Phase {
    /// The message goes to one peer alone and has no id.
    #[default]
    Only,
    /// The message goes to the key's owner and to the successors that stand in for it. The owner logs
    /// the change with this id.
    First(u64),
    /// The message goes to all nodes, after the first phase has ended. Only the owner of a key that was set
    /// does not get it, because the owner has the new value.
    Last(u64),
}

impl Phase {
    /// The phase of one of several messages that carry a change together. Only the last of them ends the
    /// change for the peer.
    pub(crate) fn of_message(self, is_last: bool) -> Self {
        match self {
            Self::Last(_) if !is_last => Self::Only,
            phase => phase,
        }
    }
}

/// A peer's answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reply {
    /// The value.
    pub value: ByteView,
    /// When the value stops being fresh, in the owner's wall-clock time; `None` if the owner set no
    /// time or the protocol carries none.
    pub expires_at: Option<SystemTime>,
    /// Requests per minute that the owner measured for the key over all nodes; `None` if the reply
    /// carries no rate.
    pub minute_qps: Option<f64>,
    /// The end of the peer's change log for the group, read after the value was; `None` if the peer
    /// keeps no log or the protocol carries no position.
    pub log: Option<LogPosition>,
}

/// Keys that are not asked for, in the order of their places in a request.
type Refused = Vec<(usize, Error)>;

/// A peer's answers to a [`GetManyRequest`].
#[derive(Debug, Default)]
pub struct GetManyReply {
    /// One for each key, in the order of the request. `None`: the peer has not answered for this key in this
    /// exchange, because its load takes longer than the others or its value does not fit beside them.
    /// Ask again.
    pub answers: Vec<Option<Result<Reply, Error>>>,
    /// As [`Reply::log`], for all answers.
    pub log: Option<LogPosition>,
}

impl GetManyReply {
    /// The most bytes of one reply: 8 MiB, or less where the largest value is smaller. Values that do not
    /// fit are left out.
    pub const MAX_BYTES: usize = 8 << 20;

    /// The reply to a request that has these further keys, which were refused.
    pub(crate) fn with_refused(mut self, refused: Refused) -> Self {
        for (place, error) in refused {
            let place = place.min(self.answers.len());
            self.answers.insert(place, Some(Err(error)));
        }
        self
    }

    /// The values alone, with every other key unanswered; `None` if there is no value.
    pub(crate) fn found(self) -> Option<Self> {
        let found = |answer: Option<Result<Reply, Error>>| answer.filter(Result::is_ok);
        let answers: Vec<_> = self.answers.into_iter().map(found).collect();
        let any = answers.iter().any(Option::is_some);
        any.then_some(Self { answers, ..self })
    }
}

/// A position in a node's change log for a group, which lists the removals and sets of the keys that
/// the node owns, and the clears.
///
/// A node remembers how far it has read each peer's log. A [`Reply`] with a later position makes it
/// [pull](crate::PeerClient::changes) the rest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogPosition {
    /// The id of the log. Each start of a node begins a log with another id. Zero stands for "no log
    /// is known".
    pub log: u64,
    /// The number of changes in the log up to this position.
    pub count: u64,
}

/// Pulls a peer's change log for a group.
#[derive(Clone, Copy, Debug)]
pub struct ChangesRequest<'a> {
    /// Name of the group.
    pub group: &'a str,
    /// How far the asking node has read the peer's log; the default if it has read nothing.
    pub since: LogPosition,
}

/// A part of a peer's change log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// The end of the log.
    pub position: LogPosition,
    /// The changes, the oldest first.
    pub entries: Vec<LoggedChange>,
    /// Whether the log no longer holds all changes since the position that was asked for. Any key that
    /// the peer owns may have changed then.
    pub all: bool,
}

/// One entry of a change log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LoggedChange {
    /// The id that the change carried in its [`Phase`]; 0 if it had none.
    pub id: u64,
    /// The key that was removed or set; `None`: all keys of the group were removed.
    pub key: Option<Bytes>,
}
