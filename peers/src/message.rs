use std::ops::RangeInclusive;

use bytes::Bytes;
use byteview::ByteView;
use tokio::time::Instant;

use crate::{Error, Expiry, WallClock};

/// Asks a peer for the value of `key` in `group`.
#[derive(Clone, Copy, Debug)]
pub struct GetRequest<'a> {
    /// Name of the group.
    pub group: &'a str,
    /// The key, any bytes.
    pub key: &'a [u8],
    /// How far the peer may go to find the value.
    pub mode: GetMode,
    /// The latest changes of the key that the asker knows. A peer that has yet to hear of one of them makes it
    /// first, so that the asker gets no value that is older. Only the native protocol carries them.
    pub known: &'a [KnownChange],
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
    /// The latest changes of the keys that the asker knows, each with the place of its key, in the order of the
    /// places. See [`GetRequest::known`].
    pub known: &'a [(u32, KnownChange)],
}

impl GetManyRequest<'_> {
    /// The most keys of one request.
    pub const MAX_KEYS: usize = 1024;

    /// The most bytes of all keys of one request: 768 KiB.
    pub const MAX_BYTES: usize = 768 << 10;

    /// The changes that the asker knows of the key at this place.
    pub fn known_at(&self, place: usize) -> Vec<KnownChange> {
        let first = self.known.partition_point(|(at, _)| (*at as usize) < place);
        let of_key = self.known[first..].iter();
        let of_key = of_key.take_while(|(at, _)| *at as usize == place);
        of_key.map(|(_, change)| *change).collect()
    }

    /// The request for the key at this place alone.
    ///
    /// # Panics
    ///
    /// Where there is no such place.
    pub(crate) fn one<'b>(&'b self, place: usize, known: &'b [KnownChange]) -> GetRequest<'b> {
        GetRequest {
            group: self.group,
            key: self.keys[place],
            mode: self.mode,
            known,
        }
    }

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
    pub expiry: Option<Expiry>,
    /// What names the change; `None` where the protocol carries no names.
    pub stamp: Option<Stamp>,
    /// The earlier changes of the key that the sender knows. A peer that knows of another one does not keep the
    /// value: it cannot tell which of the two is the later one.
    pub known: &'a [KnownChange],
}

/// Removes the values of some keys from a peer's caches.
#[derive(Clone, Copy, Debug)]
pub struct RemoveRequest<'a> {
    /// Name of the group.
    pub group: &'a str,
    /// The keys, any bytes each.
    pub keys: &'a [&'a [u8]],
    /// What names the changes; `None` where the protocol carries no names. The keys have successive numbers, from
    /// the stamp's on.
    pub stamp: Option<Stamp>,
}

/// Offers a peer copies of values that it may need soon: it will own their keys, or stand in for who does.
#[derive(Clone, Copy, Debug)]
pub struct OfferRequest<'a> {
    /// The id of the node that has the values, among the members.
    pub member: &'a str,
    /// Name of the group.
    pub group: &'a str,
    /// The keys, any bytes each; at most [`GetManyRequest::MAX_KEYS`] of at most [`GetManyRequest::MAX_BYTES`] together.
    pub keys: &'a [&'a [u8]],
}

/// Names a change of one key, or of all keys of a group: the nth change that a node has begun since its start.
///
/// Names say nothing of time: which of two changes is the later one is known only if they are of one node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChangeId {
    /// A random number of the node that has begun the change. Each start of a node has another one.
    pub origin: u64,
    /// The first is 1.
    pub number: u64,
}

/// A change of a key that a node knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KnownChange {
    /// Its name.
    pub id: ChangeId,
    /// Whether it is of all keys of the group.
    pub all: bool,
}

/// What goes with a change from node to node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Stamp {
    /// The name of the change, or of the first one in a message of several keys.
    pub id: ChangeId,
    /// The [hash](crate::Routes::members_hash) of the members that the sender tells. A node with other members
    /// tells those of its own that have joined lately.
    pub members: u64,
}

impl Stamp {
    /// The stamp of the key at this place in a message of several keys.
    pub fn at(self, place: usize) -> Self {
        let number = self.id.number.saturating_add(place as u64);
        let id = ChangeId { number, ..self.id };
        Self { id, ..self }
    }
}

/// Which start of a node this is, and which changes it has made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NodeState {
    /// The [origin](ChangeId::origin) of the changes that this start of the node begins.
    pub origin: u64,
    /// A hash of the changes that it has made: the same for two nodes that have made the same, and not for others, as far as 64
    /// bits go. Zero if the node cannot say.
    pub made: u64,
}

/// What a node knows of changes, as far as another one may lack it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Knowledge {
    /// The id of the sender among the members.
    pub member: Box<str>,
    /// The [origin](ChangeId::origin) of the sender, which names its start.
    pub origin: u64,
    /// The number of the last change that the sender had begun. What it knew of a key when it began a later one, it knew with
    /// all that is said here.
    pub begun: u64,
    /// Whether the sender leaves the cluster: it answers for a while, and owns no keys any more.
    pub is_leaving: bool,
    /// Which changes the sender has made, those of each origin as ranges of numbers in rising order.
    pub made: Vec<(u64, Vec<RangeInclusive<u64>>)>,
    /// The [origin](ChangeId::origin) of the receiver if the two following fields have everything that it lacks of these
    /// changes, so that it has made all of them too once it has made those. Otherwise 0.
    pub complete_for: u64,
    /// Changes that the receiver lacks, in the order in which the sender has heard of them.
    pub changes: Vec<NamedChange>,
    /// Groups of which the receiver lacks changes that the sender can name no more.
    pub unnamed: Vec<UnnamedChanges>,
}

impl Knowledge {
    /// Whether the receiver lacks nothing.
    pub fn is_nothing_new(&self) -> bool {
        self.changes.is_empty() && self.unnamed.is_empty()
    }
}

/// Changes of a group that a node has made, and cannot name any more.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UnnamedChanges {
    /// The group. All its keys may have changed.
    pub group: Box<str>,
    /// The last of them, for each origin.
    pub up_to: Vec<ChangeId>,
}

/// A change with its name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NamedChange {
    /// The name.
    pub id: ChangeId,
    /// The group.
    pub group: Box<str>,
    /// The key; `None` for all keys of the group.
    pub key: Option<Bytes>,
}

/// A peer's answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reply {
    /// The value.
    pub value: ByteView,
    /// When the value stops being fresh; `None` if the owner set no time or the protocol carries none.
    pub expiry: Option<Expiry>,
    /// Requests per minute that the owner measured for the key over all nodes; `None` if the reply
    /// carries no rate.
    pub minute_qps: Option<f64>,
    /// How the peer stood when it answered; `None` if the protocol does not carry it.
    pub state: Option<NodeState>,
}

impl Reply {
    /// The reply of a peer that counts its expiry from when the question came: not before it was `asked`. So what the way
    /// there and back took is taken off, and what the peer took is not.
    pub(crate) fn aged_since(mut self, asked: Instant) -> Self {
        self.expiry = self.expiry.map(|expiry| expiry.after(asked.elapsed()));
        self
    }

    /// The reply to a question that came at this instant, which its expiry is counted from.
    pub(crate) fn counted_from(mut self, begun: Instant, clock: &WallClock) -> Self {
        let expiry = self.expiry;
        self.expiry = expiry.map(|expiry| expiry.counted_from(begun, clock));
        self
    }
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
    /// As [`Reply::state`].
    pub state: Option<NodeState>,
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

    /// As [`Reply::aged_since`].
    pub(crate) fn aged_since(mut self, asked: Instant) -> Self {
        self.each_value(|reply| reply.aged_since(asked));
        self
    }

    /// As [`Reply::counted_from`].
    pub(crate) fn counted_from(mut self, begun: Instant, clock: &WallClock) -> Self {
        self.each_value(|reply| reply.counted_from(begun, clock));
        self
    }

    fn each_value(&mut self, change: impl Fn(Reply) -> Reply) {
        for reply in self.answers.iter_mut().flatten().flatten() {
            if reply.expiry.is_some() {
                *reply = change(std::mem::take(reply));
            }
        }
    }

    /// The values alone, with every other key unanswered; `None` if there is no value.
    pub(crate) fn found(self) -> Option<Self> {
        let found = |answer: Option<Result<Reply, Error>>| answer.filter(Result::is_ok);
        let answers: Vec<_> = self.answers.into_iter().map(found).collect();
        let any = answers.iter().any(Option::is_some);
        any.then_some(Self { answers, ..self })
    }
}
