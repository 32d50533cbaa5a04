//! Exchanges with peers of what the two know of changes: when one of them may lack something, before a log forgets, and now
//! and then.

use std::sync::{Arc, Weak};

use peers::{Coherence, Confirmed, DueExchange, Error, Knowledge, Member, Peer, RemoveRequest};
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, watch};
use tokio::time::sleep_until;

use super::groups::Groups;
use crate::clock::now;
use crate::panics::survived;

/// What the exchanges of a node need.
#[derive(Clone)]
struct Exchanges {
    coherence: Arc<Coherence>,
    groups: Weak<Groups>,
    /// One permit for each exchange that may be under way.
    turns: Arc<Semaphore>,
}

/// The most exchanges that a node has under way at a time. Each may bring a whole log.
const AT_ONCE: usize = 4;

/// Starts the task that makes the exchanges of a node. It ends with the node.
pub(super) fn start(groups: &Arc<Groups>, runtime: &Handle) {
    let exchanges = Exchanges {
        coherence: Arc::clone(groups.coherence()),
        groups: Arc::downgrade(groups),
        turns: Arc::new(Semaphore::new(AT_ONCE)),
    };
    runtime.spawn(exchanges.run(groups.router.watch_members()));
}

impl Exchanges {
    async fn run(self, mut members: watch::Receiver<Arc<[Member]>>) {
        while let Some(groups) = self.groups.upgrade() {
            let (due, next) = self.coherence.due(&groups.peers(), now());
            drop(groups);
            for exchange in due {
                tokio::spawn(self.clone().make(exchange));
            }
            tokio::select! {
                biased;
                // An error says that the node is gone.
                _ = members.changed() => {}
                () = self.coherence.news().notified() => {}
                () = sleep_until(next.into()) => {}
            }
        }
    }

    async fn make(self, exchange: DueExchange) {
        // A peer that may be silent again takes nobody's turn.
        let _turn = match exchange.is_again {
            true => None,
            false => self.turns.acquire().await.ok(),
        };
        let peer = exchange.peer.member();
        let told = survived("exchange of changes", self.tell(&exchange)).await;
        if let Some(Err(error)) = &told {
            tracing::debug!(%peer, %error, "no exchange of changes");
        }
        let confirmed = told.and_then(Result::ok);
        self.coherence.exchanged(&exchange, confirmed, now());
    }

    /// Has a peer make what it lacks, in the way of its protocol.
    async fn tell(&self, exchange: &DueExchange) -> Result<Confirmed, Error> {
        let peer = &exchange.peer;
        match self.compare(peer).await {
            Err(error) if error.is_unsupported() => self.deliver(peer, exchange.missed_since).await,
            told => told,
        }
    }

    /// Has both nodes make what they lack.
    async fn compare(&self, peer: &Peer) -> Result<Confirmed, Error> {
        let theirs = peer.sync(self.coherence.summary()).await?;
        if let Some(groups) = self.groups.upgrade() {
            // Of others a peer has nothing to say.
            if *theirs.member == *peer.member().id() {
                groups.note_start(&theirs);
            }
            groups.make(&theirs);
        }
        let position = self.coherence.position();
        let lacking = self.coherence.lacking(&theirs);
        // If anything was new to either, the peer hears that both know it now.
        if lacking.is_nothing_new() && theirs.is_nothing_new() {
            return Ok(Confirmed::by(&theirs, position));
        }
        let answer = peer.sync(lacking).await?;
        match answer.origin == theirs.origin {
            true => Ok(Confirmed::by(&answer, position)),
            // It has started again, and was told only what it lacked before.
            false => Err(Error::behind(peer.member().url())),
        }
    }

    /// Tells a peer whose protocol has no exchange once more of the changes from a position on that have names here: those that
    /// this node began.
    async fn deliver(&self, peer: &Peer, since: Option<u64>) -> Result<Confirmed, Error> {
        let position = self.coherence.position();
        let changes = self.coherence.own_since(since.unwrap_or(position));
        if changes.is_none() {
            let peer = peer.member();
            tracing::warn!(%peer, "a peer has missed more changes than the log holds: it may serve old values");
        }
        for (group, key) in changes.into_iter().flatten() {
            let again = match &key {
                Some(key) => {
                    let (group, keys, stamp) = (&*group, &[&**key][..], None);
                    peer.remove(RemoveRequest { group, keys, stamp }).await
                }
                None => peer.clear(&group, None).await,
            };
            match again {
                Err(error) if error.is_unsupported() || error.is_no_such_group() => {}
                again => again?,
            }
        }
        Ok(Confirmed::by(&Knowledge::default(), position))
    }
}
