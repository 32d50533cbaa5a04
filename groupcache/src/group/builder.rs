use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use lru::Policy;
use parking_lot::Mutex;
use peers::Member;

use super::catch_up::KnownLogs;
use super::change_log::ChangeLog;
use super::fence::Fence;
use super::flights::Flights;
use super::limits::Limits;
use super::redelivery::Backlogs;
use super::{Group, Inner};
use crate::getter::BoxedGetter;
use crate::lifetime::Aging;
use crate::node::{Node, members};
use crate::promoter::{OwnerMeasured, Promoter};
use crate::rates::Rates;
use crate::stats::Counters;
use crate::store::{Storage, Store};
use crate::{Error, Getter};

/// Together with a time to live it still is less than what a store takes for ever.
const STALE_MOST: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

/// The settings of a group to be. Made by [`Node::group`]; for a `G` that is a
/// [`TypedGroup`](crate::TypedGroup), by [`Node::typed_group`].
#[must_use = "a group exists once it is built"]
pub struct GroupBuilder<G = Group> {
    node: Node,
    name: String,
    budget: usize,
    getter: Box<dyn BoxedGetter>,
    promoter: Box<dyn Promoter>,
    candidates: usize,
    candidate_idle: Duration,
    /// `None` until it is asked for, because a group without a budget must not have one.
    hot_ratio: Option<usize>,
    policy: Policy,
    /// In place of the group's own.
    store: Option<Box<dyn Store>>,
    aging: Aging,
    limits: Limits,
    /// `None`: those of the node.
    peers: Option<Result<Vec<Member>, peers::Error>>,
    /// What the group is handed out as.
    handle: Box<dyn FnOnce(Group) -> G + Send + Sync>,
}

/// golang/groupcache's: hot entries give way once they take up an eighth of the main ones.
const HOT_RATIO: usize = 8;

impl<G> GroupBuilder<G> {
    pub(crate) fn new(
        node: Node,
        name: String,
        budget: usize,
        getter: impl Getter,
        handle: impl FnOnce(Group) -> G + Send + Sync + 'static,
    ) -> Self {
        Self {
            node,
            name,
            budget,
            getter: Box::new(getter),
            promoter: Box::new(OwnerMeasured::default()),
            candidates: 8192,
            candidate_idle: Duration::from_secs(300),
            hot_ratio: None,
            policy: Policy::default(),
            store: None,
            aging: Aging::default(),
            limits: Limits::default(),
            peers: None,
            handle: Box::new(handle),
        }
    }

    /// How long a value stays fresh that says nothing itself. A mirror of another node's value is
    /// kept no longer than this either. Default: for ever.
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.aging.ttl = Some(ttl);
        self
    }

    /// Takes up to so much off the [`ttl`](Self::ttl), by chance and for each value anew, so that
    /// values that were loaded together do not all expire together. Default: nothing.
    pub fn ttl_jitter(mut self, jitter: Duration) -> Self {
        self.aging.ttl_jitter = jitter;
        self
    }

    /// A shorter time to live for copies of what another node had in memory, such as those that a
    /// new owner takes over. Default: the value's own.
    pub fn peek_ttl(mut self, ttl: Duration) -> Self {
        self.aging.peek_ttl = Some(ttl);
        self
    }

    /// How long a value is still served past its freshness, while one call in the background
    /// refreshes it. Default: zero, an expired value is gone. At most ten years; a longer one counts as that.
    pub fn stale_while_revalidate(mut self, window: Duration) -> Self {
        self.aging.stale_window = window.min(STALE_MOST);
        self
    }

    /// The members among which this group's keys are shared out, in place of the node's. Whether
    /// this node is listed does not matter, unless it [was left out](crate::NodeBuilder::include_self).
    /// Later changes of the node's members leave this group alone.
    pub fn peers<M>(mut self, peers: impl IntoIterator<Item = M>) -> Self
    where
        M: TryInto<Member>,
        peers::Error: From<M::Error>,
    {
        self.peers = Some(members(peers));
        self
    }

    /// What decides which of other nodes' values are mirrored here. Default:
    /// [`OwnerMeasured`].
    pub fn promoter(mut self, promoter: impl Promoter) -> Self {
        self.promoter = Box::new(promoter);
        self
    }

    /// For how many keys this node remembers how often they are asked for, about 17 bytes each: its
    /// own, whose rate it tells the others, and the others', which may become hot. The coldest of
    /// them are forgotten first. Up to 16 million; default: 8192.
    pub fn candidates(mut self, keys: usize) -> Self {
        self.candidates = keys;
        self
    }

    /// A key that nobody asked for so long counts as new when it is next asked for. Default: five
    /// minutes.
    pub fn candidate_idle(mut self, limit: Duration) -> Self {
        self.candidate_idle = limit;
        self
    }

    /// When room is needed, hot entries give way first while they take up more than one `ratio`th
    /// of what the main ones take up. Default: 8.
    pub fn hot_ratio(mut self, ratio: usize) -> Self {
        self.hot_ratio = Some(ratio);
        self
    }

    /// Which entries give way when room is needed. Default: [`Policy::GhostClock`], which keeps more
    /// than [`Policy::Lru`] on almost any load.
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// Keeps the group's values in a store of your own. The budget, [`hot_ratio`](Self::hot_ratio) and
    /// [`policy`](Self::policy) are of no importance then.
    pub fn store(mut self, store: impl Store) -> Self {
        self.store = Some(Box::new(store));
        self
    }

    /// The longest key accepted, in bytes, from callers here and from peers. Default: 8 KiB, which is also what peers accept.
    pub fn max_key_bytes(mut self, bytes: usize) -> Self {
        self.limits.max_key_bytes = bytes;
        self
    }

    /// The largest value accepted from the getter, in bytes. Default: 64 MiB, which is also what
    /// peers accept.
    pub fn max_value_bytes(mut self, bytes: usize) -> Self {
        self.limits.max_value_bytes = bytes;
        self
    }

    /// How many keys may be fetched, and likewise loaded, at once. One more is refused with an
    /// error that [`is_overloaded`](Error::is_overloaded). Default: 65,536.
    pub fn max_flights(mut self, flights: usize) -> Self {
        self.limits.max_flights = flights;
        self
    }

    /// How long the getter may take before it is dropped and its callers get an error that
    /// [`is_timeout`](Error::is_timeout). Should be less than the time peers wait for this node,
    /// [`HttpOptions::request_timeout`](crate::HttpOptions::request_timeout). Default: 25 s.
    pub fn load_timeout(mut self, limit: Duration) -> Self {
        self.limits.load_timeout = limit;
        self
    }

    /// How long the former owner of a key may take to hand its copy over, right after a change of
    /// the members. Default: 100 ms.
    pub fn peek_timeout(mut self, limit: Duration) -> Self {
        self.limits.peek_timeout = limit;
        self
    }

    /// How many successors of an owner that gives no answer are asked, before the value is loaded
    /// here. Default: 2.
    pub fn failovers(mut self, successors: usize) -> Self {
        self.limits.failovers = successors;
        self
    }

    /// How often each peer that this node has not heard of meanwhile is asked what has changed of the keys
    /// it owns. So it is at most about twice as long that this node serves an old mirror of a value that
    /// was removed or set while nobody could tell it, as long as the owner can be reached and has not been
    /// restarted in between. It also learns of that from every value it fetches there. Only the native
    /// protocol can ask; under others an old mirror lives as long as its time to live. Zero: never.
    /// Default: 10 s.
    pub fn catch_up_every(mut self, interval: Duration) -> Self {
        self.limits.catch_up_every = interval;
        self
    }

    /// How much memory this node spends on remembering which of its keys were removed or set last, in
    /// bytes, for peers that have missed it. A peer that has missed more than this holds forgets all
    /// that it has of other nodes' keys. Default: 256 KiB, which is 8,192 keys of up to 22 bytes.
    pub fn change_log_bytes(mut self, bytes: usize) -> Self {
        self.limits.change_log_bytes = bytes;
        self
    }

    /// For how long after the last of them a peer that could not be told of removals, sets and clears is told
    /// again, every 30 s at the latest. A value that was set is not sent again: the peer forgets what it
    /// has, which may be what another node has set since. A peer that has left the ring is told no more.
    /// Zero: changes are told once. Default: 10 min.
    pub fn redeliver_for(mut self, time: Duration) -> Self {
        self.limits.redeliver_for = time;
        self
    }

    /// How many bytes of keys may wait for one peer that cannot be told. Beyond, it will be told to forget
    /// the whole group, where the protocol can say so. Default: 4 MiB, which is 174,762 keys of up to 22
    /// bytes.
    pub fn max_backlog_bytes(mut self, bytes: usize) -> Self {
        self.limits.max_backlog_bytes = bytes;
        self
    }

    /// Makes the group, and lets peers ask for it.
    ///
    /// # Errors
    ///
    /// When the node has a group of that name already; when the name is empty, longer than 1 KiB or
    /// contains a slash, which no wire format of the family can carry; when a limit is zero; when
    /// a group without a budget has a [`hot_ratio`](Self::hot_ratio).
    pub fn build(self) -> Result<G, Error> {
        self.check()?;
        let node = &self.node.0;
        let router = match self.peers {
            None => Arc::clone(&node.router),
            Some(peers) => {
                let router = node.router.sibling();
                router.set_members(node.with_self(peers?))?;
                Arc::new(router)
            }
        };
        let (stale_window, clock) = (self.aging.stale_window, Arc::clone(&node.clock));
        let store = match self.store {
            Some(store) => Storage::custom(store, stale_window, clock),
            None => {
                let hot_ratio = self.hot_ratio.unwrap_or(HOT_RATIO);
                Storage::built_in(self.budget, hot_ratio, self.policy, stale_window, clock)
            }
        };
        let group = Group(Arc::new(Inner {
            name: self.name.into(),
            store,
            fence: Fence::new(),
            fetches: Flights::new(self.limits.max_flights, node.runtime.clone()),
            loads: Flights::new(self.limits.max_flights, node.runtime.clone()),
            getter: self.getter,
            promoter: self.promoter,
            rates: Rates::new(self.candidates, self.candidate_idle, node.clock.now()),
            router,
            counters: Counters::default(),
            clock: Arc::clone(&node.clock),
            aging: self.aging,
            log: ChangeLog::new(self.limits.change_log_bytes),
            told: Mutex::default(),
            known_logs: KnownLogs::default(),
            backlogs: Backlogs::default(),
            limits: self.limits,
            runtime: node.runtime.clone(),
        }));
        node.groups.add(&group)?;
        if !self.limits.catch_up_every.is_zero() {
            let rounds =
                Inner::catch_up_in_rounds(Arc::downgrade(&group.0), self.limits.catch_up_every);
            node.runtime.spawn(rounds);
        }
        if let Some(on_group) = &node.on_group {
            on_group(&group);
        }
        Ok((self.handle)(group))
    }

    fn check(&self) -> Result<(), Error> {
        const MAX_NAME_BYTES: usize = 1 << 10;
        let name = &self.name;
        let invalid_name = |reason: &str| {
            let shown: String = name.chars().take(64).collect();
            Err(Error::invalid("group name", format!("{shown:?} {reason}")))
        };
        if name.is_empty() {
            return invalid_name("is empty");
        }
        if name.len() > MAX_NAME_BYTES {
            return invalid_name(&format!("is longer than {MAX_NAME_BYTES} bytes"));
        }
        if name.contains('/') {
            return invalid_name("contains a slash");
        }
        if matches!(name.as_str(), "." | "..") {
            return invalid_name("is a step in a path");
        }
        if self.budget == 0 && self.hot_ratio.is_some() {
            return Err(Error::invalid(
                "hot_ratio",
                "a group with a budget of zero keeps nothing",
            ));
        }
        for (limit, value) in [
            ("max_key_bytes", self.limits.max_key_bytes),
            ("max_value_bytes", self.limits.max_value_bytes),
            ("max_flights", self.limits.max_flights),
        ] {
            if value == 0 {
                return Err(Error::invalid(limit, "it is zero"));
            }
        }
        if self.limits.load_timeout.is_zero() {
            return Err(Error::invalid("load_timeout", "it is zero"));
        }
        Ok(())
    }
}

impl<G> fmt::Debug for GroupBuilder<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GroupBuilder")
            .field("name", &self.name)
            .field("budget", &self.budget)
            .field("hot_ratio", &self.hot_ratio)
            .field("aging", &self.aging)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}
