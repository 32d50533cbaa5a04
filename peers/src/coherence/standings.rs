use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::Peer;

/// The pause before the first exchange with a peer that was not told of a change. It doubles with every exchange that fails.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// The longest pause between two exchanges that fail. While a peer is left alone, an exchange costs nothing.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// The same for a peer that refuses this node.
const PAUSE_OF_REFUSED: Duration = Duration::from_secs(30);

/// How long changes that a peer has made may be under way to this node, before it asks.
const PATIENCE: Duration = Duration::from_secs(1);

/// How this node stands with peers that may lack a change, or have one that this node lacks.
#[derive(Debug, Default)]
pub(super) struct Standings {
    by_peer: Mutex<HashMap<Box<str>, Standing>>,
    /// How many of them are behind. Read without the lock.
    behind: AtomicUsize,
}

#[derive(Debug)]
struct Standing {
    peer: Peer,
    /// The position in this node's log from which on the peer may lack changes; `None` if it is ahead.
    behind_since: Option<u64>,
    /// How many changes the peer has made.
    ahead: u64,
    /// When an exchange is due; `None` while one is under way.
    due: Option<Instant>,
    /// Grows with all that the next exchange has to take along.
    marks: u64,
    failures: u32,
}

/// An exchange that is due.
#[derive(Debug)]
pub struct DueExchange {
    /// The peer.
    pub peer: Peer,
    /// The position in this node's log from which on the peer may lack changes; `None` if it is ahead.
    pub behind_since: Option<u64>,
    pub(super) mark: u64,
}

/// How an exchange has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exchanged {
    /// The two know the same.
    Done,
    /// The peer could not be reached, or asked.
    Failed,
    /// The peer refuses this node.
    Refused,
}

impl Standings {
    /// A peer may lack changes from this position on.
    pub(super) fn mark_behind(&self, peer: &Peer, since: u64, pause: bool, now: Instant) {
        let due = if pause { now + FIRST_PAUSE } else { now };
        self.with(peer, due, |standing| {
            let earlier = standing.behind_since.map_or(since, |held| held.min(since));
            standing.behind_since = Some(earlier);
            standing.marks += 1;
        });
    }

    /// A peer has made so many changes, which are more than this node has made. Says whether that is news.
    pub(super) fn mark_ahead(&self, peer: &Peer, made: u64, now: Instant) -> bool {
        self.with(peer, now + PATIENCE, |standing| {
            let is_first = standing.ahead == 0 && standing.behind_since.is_none();
            standing.ahead = standing.ahead.max(made);
            is_first
        })
    }

    fn with<T>(&self, peer: &Peer, due: Instant, change: impl FnOnce(&mut Standing) -> T) -> T {
        let mut by_peer = self.by_peer.lock();
        let standing = by_peer
            .entry(peer.member().id().into())
            .or_insert_with(|| Standing {
                peer: peer.clone(),
                behind_since: None,
                ahead: 0,
                due: Some(due),
                marks: 0,
                failures: 0,
            });
        standing.peer = peer.clone();
        // A pause after a failure goes on.
        if standing.failures == 0 && standing.due.is_some_and(|held| due < held) {
            standing.due = Some(due);
        }
        let result = change(standing);
        self.count(&by_peer);
        result
    }

    fn count(&self, by_peer: &HashMap<Box<str>, Standing>) {
        let behind = by_peer
            .values()
            .filter(|standing| standing.behind_since.is_some());
        self.behind.store(behind.count(), Ordering::SeqCst);
    }

    /// Where the changes begin that a peer may lack; `None` if it lacks none.
    pub(super) fn behind_since(&self, peer: &str) -> Option<u64> {
        if self.behind.load(Ordering::SeqCst) == 0 {
            return None;
        }
        self.by_peer.lock().get(peer)?.behind_since
    }

    /// The same for all such peers.
    pub(super) fn all_behind(&self) -> Vec<(Box<str>, u64)> {
        let by_peer = self.by_peer.lock();
        let behind = by_peer.iter();
        behind
            .filter_map(|(peer, standing)| Some((peer.clone(), standing.behind_since?)))
            .collect()
    }

    /// The exchanges that are due, and when the next one will be. Peers that are members no more are dropped, as are those
    /// that are ahead of a node that has `made` as many changes by now.
    pub(super) fn due(
        &self,
        made: u64,
        is_member: impl Fn(&str) -> bool,
        now: Instant,
    ) -> (Vec<DueExchange>, Option<Instant>) {
        let mut by_peer = self.by_peer.lock();
        by_peer.retain(|peer, standing| {
            let is_needed = standing.behind_since.is_some() || standing.ahead > made;
            is_member(peer) && (is_needed || standing.due.is_none_or(|due| now < due))
        });
        let mut exchanges = Vec::new();
        for standing in by_peer.values_mut() {
            if standing.due.is_some_and(|due| due <= now) {
                standing.due = None;
                exchanges.push(DueExchange {
                    peer: standing.peer.clone(),
                    behind_since: standing.behind_since,
                    mark: standing.marks,
                });
            }
        }
        let next = by_peer.values().filter_map(|standing| standing.due).min();
        self.count(&by_peer);
        (exchanges, next)
    }

    /// Ends an exchange.
    pub(super) fn ended(&self, exchange: &DueExchange, how: Exchanged, now: Instant) {
        let mut by_peer = self.by_peer.lock();
        let id = exchange.peer.member().id();
        let Some(standing) = by_peer.get_mut(id) else {
            return;
        };
        if how == Exchanged::Done && standing.marks == exchange.mark {
            by_peer.remove(id);
        } else if how == Exchanged::Done {
            standing.failures = 0;
            standing.due = Some(now + FIRST_PAUSE);
        } else {
            let pause = match how {
                Exchanged::Refused => PAUSE_OF_REFUSED,
                _ => pause_after(standing.failures),
            };
            standing.failures = standing.failures.saturating_add(1);
            standing.due = Some(now + pause);
        }
        self.count(&by_peer);
    }
}

/// The pause that follows so many failures and one more.
fn pause_after(failures: u32) -> Duration {
    LONGEST_PAUSE.min(FIRST_PAUSE.saturating_mul(2 << failures.min(16)))
}
