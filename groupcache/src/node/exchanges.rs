//! Exchanges with peers of what the two know of changes: when one of them may lack something, and now and then.

use std::cell::OnceCell;
use std::future::pending;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Arc, Weak};
use std::time::Duration;

use peers::{Coherence, DueExchange, Error, Exchanged, Member, Peer, RemoveRequest, Router};
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, watch};
use tokio::time::{Instant, sleep_until};

use super::groups::Groups;
use crate::clock::now;

/// What the exchanges of a node need.
#[derive(Clone)]
struct Exchanges {
    coherence: Arc<Coherence>,
    groups: Weak<Groups>,
    router: Weak<Router>,
    /// One permit for each exchange that may be under way.
    turns: Arc<Semaphore>,
}

/// The most exchanges that a node has under way at a time. Each may bring a whole log.
const AT_ONCE: usize = 4;

/// Starts the task that makes the exchanges of a node. It ends with the node.
pub(super) fn start(groups: &Arc<Groups>, router: &Arc<Router>, runtime: &Handle) {
    let exchanges = Exchanges {
        coherence: Arc::clone(groups.coherence()),
        groups: Arc::downgrade(groups),
        router: Arc::downgrade(router),
        turns: Arc::new(Semaphore::new(AT_ONCE)),
    };
    let names_changes = router.transport().names_changes();
    runtime.spawn(exchanges.run(router.watch_members(), names_changes));
}

impl Exchanges {
    async fn run(self, mut members: watch::Receiver<Arc<[Member]>>, names_changes: bool) {
        let interval = self.coherence.options().exchanges();
        let interval = interval.filter(|_| names_changes);
        let mut turns = Turns::new(interval);
        let mut known = Vec::new();
        if names_changes {
            members.mark_changed();
        }
        loop {
            let Some(next) = self.make_due() else { return };
            let position = self.coherence.position();
            let next = next.map(Instant::from_std);
            tokio::select! {
                biased;
                changed = members.changed(), if names_changes => match changed {
                    Ok(()) => {
                        members.mark_unchanged();
                        self.note_turnover(&mut known, position);
                    }
                    Err(_) => return,
                },
                () = self.coherence.news() => {}
                () = at(next) => {}
                () = at(turns.next) => self.compare_in_turn(&mut turns),
            }
        }
    }

    /// Begins the exchanges that are due, and returns when the next one will be; `None` once the node is gone.
    fn make_due(&self) -> Option<Option<std::time::Instant>> {
        let groups = self.groups.upgrade()?;
        let router = self.router.upgrade()?;
        let ids = OnceCell::new();
        let is_member = |id: &str| ids.get_or_init(|| groups.peers_ids(&router)).contains(id);
        let (due, next) = self.coherence.due(is_member, now());
        for exchange in due {
            tokio::spawn(self.clone().make(exchange));
        }
        Some(next)
    }

    /// Notes who has joined and who has left. Until this position at least, those who left were told.
    fn note_turnover(&self, known: &mut Vec<Peer>, position: u64) {
        let Some(router) = self.router.upgrade() else {
            return;
        };
        let routes = router.snapshot();
        for peer in Peer::without(known, routes.peers()) {
            self.coherence.has_left(&peer, position, now());
        }
        for peer in Peer::without(routes.peers(), known) {
            self.coherence.has_joined(&peer, now());
        }
        *known = routes.peers().to_vec();
    }

    /// Compares with the peer whose turn it is.
    fn compare_in_turn(&self, turns: &mut Turns) {
        let Some(router) = self.router.upgrade() else {
            return;
        };
        let routes = router.snapshot();
        let others: Vec<&Peer> = routes
            .peers()
            .iter()
            .filter(|peer| !peer.is_self())
            .collect();
        let Some(peer) = turns.take(others.len()).and_then(|place| others.get(place)) else {
            return;
        };
        let (exchanges, peer) = (self.clone(), (*peer).clone());
        tokio::spawn(async move {
            if let Err(error) = exchanges.compare(&peer).await {
                tracing::debug!(peer = %peer.member(), %error, "no exchange of changes");
            }
        });
    }

    async fn make(self, exchange: DueExchange) {
        let Ok(_turn) = self.turns.acquire().await else {
            return;
        };
        let peer = &exchange.peer;
        let made = match (self.compare(peer).await, exchange.behind_since) {
            (Err(error), Some(since)) if error.is_unsupported() => self.deliver(peer, since).await,
            (Err(error), None) if error.is_unsupported() => Ok(()),
            (made, _) => made,
        };
        let how = match &made {
            Ok(()) => Exchanged::Done,
            Err(error) if error.is_denied() => Exchanged::Refused,
            Err(_) => Exchanged::Failed,
        };
        if let Err(error) = made {
            tracing::debug!(peer = %peer.member(), %error, "no exchange of changes");
        }
        self.coherence.exchanged(&exchange, how, now());
    }

    /// Has both nodes make what they lack.
    async fn compare(&self, peer: &Peer) -> Result<(), Error> {
        let theirs = peer.sync(self.coherence.summary()).await?;
        if let Some(groups) = self.groups.upgrade() {
            groups.make(&theirs);
        }
        let lacking = self.coherence.lacking(&theirs);
        if !lacking.changes.is_empty() || !lacking.unnamed.is_empty() {
            peer.sync(lacking).await?;
        }
        Ok(())
    }

    /// Tells a peer whose protocol has no exchange of this node's own changes once more.
    async fn deliver(&self, peer: &Peer, since: u64) -> Result<(), Error> {
        let Some(changes) = self.coherence.own_since(since) else {
            let peer = peer.member();
            tracing::warn!(%peer, "a peer has missed more changes than the log holds: it may serve old values");
            return Ok(());
        };
        for (group, key) in changes {
            let told = match &key {
                Some(key) => {
                    let (group, keys, stamp) = (&*group, &[&**key][..], None);
                    peer.remove(RemoveRequest { group, keys, stamp }).await
                }
                None => peer.clear(&group, None).await,
            };
            match told {
                Err(error) if error.is_unsupported() || error.is_no_such_group() => {}
                told => told?,
            }
        }
        Ok(())
    }
}

/// Whose turn it is to be compared with, and when.
struct Turns {
    interval: Option<Duration>,
    next: Option<Instant>,
    place: usize,
    random: RandomState,
}

impl Turns {
    fn new(interval: Option<Duration>) -> Self {
        let random = RandomState::new();
        let mut turns = Self {
            interval,
            next: None,
            // Not all nodes begin with the same peer.
            place: usize::try_from(random.hash_one("first") >> 32).unwrap_or_default(),
            random,
        };
        turns.wait();
        turns
    }

    /// The place among so many peers, and the time of the next turn.
    fn take(&mut self, peers: usize) -> Option<usize> {
        self.wait();
        self.place = self.place.wrapping_add(1);
        self.place.checked_rem(peers)
    }

    /// The next turn comes after half to one and a half intervals, so that nodes that were started together do not stay so.
    fn wait(&mut self) {
        let jitter = |interval: Duration| {
            let part = (self.random.hash_one(self.place) >> 32) as f64 / f64::from(u32::MAX);
            interval.mul_f64(0.5 + part)
        };
        let interval = self.interval.map(jitter);
        self.next = interval.and_then(|interval| Instant::now().checked_add(interval));
    }
}

async fn at(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => pending().await,
    }
}
