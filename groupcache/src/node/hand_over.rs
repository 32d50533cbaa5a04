//! Offers of values to the nodes that should have them: to a member that has started, and to all when this node leaves.

use std::time::Duration;

use futures_util::future::join_all;
use peers::{Error, Knowledge, Peer};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

use super::groups::Groups;
use crate::{Group, Key};

/// How many members are offered values at a time.
const AT_ONCE: usize = 4;

/// How often a member that has started is offered values at most.
const TRIES: u32 = 6;

/// The pause before the second try. Each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(200);

/// Of the time that a node has to leave, this part may pass until all peers have heard of it.
const TELLING: u32 = 4;

/// How values are handed over.
#[derive(Debug)]
pub(super) struct HandOver {
    /// `None`: they are not.
    pub(super) runtime: Option<Handle>,
    /// The most bytes of values of a group that are offered at a time.
    pub(super) most_bytes: usize,
    /// How long this node takes at most to leave.
    pub(super) leave_timeout: Duration,
    turns: Semaphore,
}

impl HandOver {
    pub(super) fn new(runtime: Option<Handle>, most_bytes: usize, leave_timeout: Duration) -> Self {
        Self {
            runtime,
            most_bytes,
            leave_timeout,
            turns: Semaphore::new(AT_ONCE),
        }
    }
}

impl Groups {
    /// Has the ring follow what a peer says of itself, and offers it what it owns if it has started.
    pub(super) fn note_start(&self, theirs: &Knowledge) {
        let routers = self.routers();
        let starts = routers
            .iter()
            .filter(|router| router.note_start(&theirs.member, theirs.origin, theirs.is_leaving));
        if starts.count() > 0
            && let Some(runtime) = &self.hand_over.runtime
            && let Some(groups) = self.this.upgrade()
        {
            let member = theirs.member.clone();
            runtime.spawn(async move { groups.offer_to(&member).await });
        }
    }

    async fn offer_to(&self, member: &str) {
        let _turn = self.hand_over.turns.acquire().await;
        for group in self.list() {
            let offers = group.0.offers_to(member, self.hand_over.most_bytes).await;
            for (peer, keys) in offers {
                offer_patiently(&group, &peer, &keys).await;
            }
        }
    }

    /// Tells all peers that this node leaves, so that the ring is theirs, and offers them what they own from now on.
    /// Takes no longer than the time for that.
    pub(super) async fn leave(&self) {
        let time = self.hand_over.leave_timeout;
        if time.is_zero() || self.hand_over.runtime.is_none() || !self.coherence().leave() {
            return;
        }
        if timeout(time, self.leave_in_order()).await.is_err() {
            tracing::info!(
                ?time,
                "this node leaves before all its values are handed over"
            );
        }
    }

    async fn leave_in_order(&self) {
        let peers = self.peers();
        if peers.is_empty() {
            return;
        }
        let told = peers.iter().map(|peer| {
            let sync = peer.sync(self.coherence().summary());
            timeout(self.hand_over.leave_timeout / TELLING, sync)
        });
        join_all(told).await;
        let (this, origin) = (
            self.router.this().id(),
            self.coherence().node_state().origin,
        );
        for router in self.routers() {
            router.note_start(this, origin, true);
        }
        for group in self.list() {
            let offers = group.0.offers_to_all(self.hand_over.most_bytes).await;
            let offers = offers.iter().map(async |(peer, keys)| {
                if let Err(error) = group.0.offer(peer, keys, &mut 0).await {
                    not_taken(&group, peer, &error);
                }
            });
            join_all(offers).await;
        }
    }
}

/// Offers the keys until they are taken: the peer may have no such group yet, or may not know this node.
async fn offer_patiently(group: &Group, peer: &Peer, keys: &[Key]) {
    let mut offered = 0;
    for attempt in 0..TRIES {
        if attempt > 0 {
            sleep(FIRST_PAUSE * (1 << (attempt - 1))).await;
        }
        match group.0.offer(peer, keys, &mut offered).await {
            Ok(()) => return,
            Err(error) => not_taken(group, peer, &error),
        }
    }
}

fn not_taken(group: &Group, peer: &Peer, error: &Error) {
    let (group, peer) = (group.name(), peer.member());
    tracing::debug!(group, %peer, %error, "values are not taken");
}
