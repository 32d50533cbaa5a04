use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::Peer;

/// The pause before the first exchange with a peer that was not told of a change. It doubles with every exchange that fails.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// The longest pause between two exchanges that fail. While a peer is left alone, an exchange costs nothing.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// The same for a peer that refuses this node.
const PAUSE_OF_REFUSED: Duration = Duration::from_secs(30);

/// The most former members that are remembered as being behind.
const MAX_FORMER: usize = 1024;

/// How long changes that a peer has made may be under way to this node, before it asks.
const PATIENCE: Duration = Duration::from_secs(1);

/// How this node stands with peers that may lack a change, or have one that this node lacks.
#[derive(Debug, Default)]
pub(super) struct Standings {
    by_peer: Mutex<HashMap<Box<str>, Standing>>,
    /// How many of them are behind. Read without the lock.
    behind: AtomicUsize,
    /// How many things exchanges have had to take along. Never begins anew, so that the exchange with a peer that has left and
    /// come back is not taken for a later one.
    marks: AtomicU64,
}

#[derive(Debug)]
struct Standing {
    peer: Peer,
    /// The position in this node's log from which on the peer may lack changes; `None` if it is ahead.
    behind_since: Option<u64>,
    /// The same of changes that this node could not tell it, for reports.
    untold_since: Option<u64>,
    /// How many changes the peer has made.
    ahead: u64,
    /// When an exchange is due; `None` while one is under way.
    due: Option<Instant>,
    /// The number of the latest thing that the next exchange has to take along.
    mark: u64,
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
    /// This node could not tell a peer the changes from this position on.
    pub(super) fn mark_untold(&self, peer: &Peer, since: u64, now: Instant) {
        let mark = self.next_mark();
        self.with(peer, now + FIRST_PAUSE, |standing| {
            standing.behind_since = earlier(standing.behind_since, since);
            standing.untold_since = earlier(standing.untold_since, since);
            standing.mark = mark;
        });
    }

    /// A peer may lack any change.
    pub(super) fn mark_behind(&self, peer: &Peer, now: Instant) {
        let mark = self.next_mark();
        self.with(peer, now, |standing| {
            standing.behind_since = Some(0);
            standing.mark = mark;
        });
    }

    /// A peer has left: nobody tells it any more what changes from this position on.
    pub(super) fn mark_former(&self, peer: &Peer, since: u64, now: Instant) {
        let mark = self.next_mark();
        self.with(peer, now, |standing| {
            standing.behind_since = earlier(standing.behind_since, since);
            standing.mark = mark;
        });
    }

    /// A peer has become a member. If it has been one before, it lacks what changed since it left, and otherwise it may
    /// lack any change.
    pub(super) fn mark_new(&self, peer: &Peer, now: Instant) {
        let mark = self.next_mark();
        self.with(peer, now, |standing| {
            standing.behind_since.get_or_insert(0);
            standing.mark = mark;
            standing.failures = 0;
            standing.due = Some(now);
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

    fn next_mark(&self) -> u64 {
        self.marks.fetch_add(1, Ordering::Relaxed) + 1
    }

    fn with<T>(&self, peer: &Peer, due: Instant, change: impl FnOnce(&mut Standing) -> T) -> T {
        let mut by_peer = self.by_peer.lock();
        let standing = by_peer
            .entry(peer.member().id().into())
            .or_insert_with(|| Standing {
                peer: peer.clone(),
                behind_since: None,
                untold_since: None,
                ahead: 0,
                due: Some(due),
                mark: 0,
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

    /// Where the changes begin that this node could not tell, for each such peer.
    pub(super) fn untold(&self) -> Vec<(Box<str>, u64)> {
        let by_peer = self.by_peer.lock();
        let untold = by_peer.iter();
        untold
            .filter_map(|(peer, standing)| Some((peer.clone(), standing.untold_since?)))
            .collect()
    }

    /// The exchanges that are due, and when the next one will be. None is with a peer that is a member no more. Peers are
    /// dropped that were ahead of this node, which has `made` as many changes by now.
    pub(super) fn due(
        &self,
        made: u64,
        is_member: impl Fn(&str) -> bool,
        now: Instant,
    ) -> (Vec<DueExchange>, Option<Instant>) {
        let mut by_peer = self.by_peer.lock();
        let mut former = 0;
        by_peer.retain(|peer, standing| {
            if !is_member(peer) {
                former += 1;
                standing.untold_since = None;
                standing.due = None;
                return standing.behind_since.is_some() && former <= MAX_FORMER;
            }
            let is_needed = standing.behind_since.is_some() || standing.ahead > made;
            is_needed || standing.due.is_none_or(|due| now < due)
        });
        let mut exchanges = Vec::new();
        for standing in by_peer.values_mut() {
            if standing.due.is_some_and(|due| due <= now) {
                standing.due = None;
                exchanges.push(DueExchange {
                    peer: standing.peer.clone(),
                    behind_since: standing.behind_since,
                    mark: standing.mark,
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
        if how == Exchanged::Done && standing.mark == exchange.mark {
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

fn earlier(held: Option<u64>, since: u64) -> Option<u64> {
    Some(held.map_or(since, |held| held.min(since)))
}

/// The pause that follows so many failures and one more.
fn pause_after(failures: u32) -> Duration {
    LONGEST_PAUSE.min(FIRST_PAUSE.saturating_mul(2 << failures.min(16)))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{BoxFuture, CircuitOptions, Error, GetRequest, Member, PeerClient, Reply};

    /// Where nobody asks.
    #[derive(Debug)]
    struct Nowhere;

    impl PeerClient for Nowhere {
        fn get<'a>(&'a self, _: GetRequest<'a>) -> BoxFuture<'a, Result<Reply, Error>> {
            Box::pin(async { Err(Error::unreachable("nowhere", "nobody is there")) })
        }
    }

    fn peer(id: &str) -> Peer {
        let member: Member = format!("{id}=http://{id}").parse().unwrap();
        Peer::remote(member, Arc::new(Nowhere), CircuitOptions::default())
    }

    /// The standings of a node that has made ten changes, all of whose peers are members, and a clock.
    struct Node {
        standings: Standings,
        now: Instant,
    }

    impl Node {
        fn new() -> Self {
            let (standings, now) = (Standings::default(), Instant::now());
            Self { standings, now }
        }

        fn due(&self) -> Vec<DueExchange> {
            self.standings.due(10, |_| true, self.now).0
        }

        /// The time to the next exchange.
        fn pause(&self) -> Option<Duration> {
            let by_peer = self.standings.by_peer.lock();
            let next = by_peer.values().filter_map(|standing| standing.due).min();
            next.map(|next| next - self.now)
        }

        /// Makes the one exchange that is due.
        fn exchange(&self, how: Exchanged) {
            let due = self.due();
            assert_eq!(due.len(), 1);
            self.standings.ended(&due[0], how, self.now);
        }
    }

    #[test]
    fn a_peer_is_behind_until_an_exchange_has_ended_well() {
        let mut node = Node::new();
        assert_eq!(node.standings.behind_since("p"), None);
        node.standings.mark_untold(&peer("p"), 7, node.now);
        node.standings.mark_untold(&peer("p"), 8, node.now);
        assert_eq!(node.standings.behind_since("p"), Some(7));
        assert_eq!(node.standings.untold(), [("p".into(), 7)]);
        assert!(node.due().is_empty(), "it is tried after a pause");
        node.now += FIRST_PAUSE;
        node.exchange(Exchanged::Failed);
        assert_eq!(node.standings.behind_since("p"), Some(7));
        node.now += LONGEST_PAUSE;
        node.exchange(Exchanged::Done);
        assert_eq!(
            (node.standings.behind_since("p"), node.pause()),
            (None, None)
        );
    }

    #[test]
    fn what_happens_during_an_exchange_takes_another_one() {
        let mut node = Node::new();
        node.standings.mark_behind(&peer("p"), node.now);
        let due = node.due();
        assert!(node.due().is_empty(), "one at a time");
        node.standings.mark_untold(&peer("p"), 9, node.now);
        node.standings.ended(&due[0], Exchanged::Done, node.now);
        assert_eq!(node.standings.behind_since("p"), Some(0));
        node.now += FIRST_PAUSE;
        node.exchange(Exchanged::Done);
        assert_eq!(node.standings.behind_since("p"), None);
    }

    #[test]
    fn pauses_double_to_two_seconds_and_are_long_for_a_peer_that_refuses() {
        let mut node = Node::new();
        node.standings.mark_behind(&peer("p"), node.now);
        for milliseconds in [200, 400, 800, 1600, 2000, 2000] {
            node.exchange(Exchanged::Failed);
            // Another change does not hasten the next exchange.
            node.standings.mark_untold(&peer("p"), 9, node.now);
            let pause = node.pause().unwrap();
            assert_eq!(pause, Duration::from_millis(milliseconds));
            node.now += pause;
        }
        node.exchange(Exchanged::Refused);
        assert_eq!(node.pause(), Some(PAUSE_OF_REFUSED));
    }

    #[test]
    fn a_peer_that_is_ahead_is_asked_unless_this_node_has_caught_up() {
        let mut node = Node::new();
        assert!(node.standings.mark_ahead(&peer("p"), 10, node.now));
        assert!(
            !node.standings.mark_ahead(&peer("p"), 9, node.now),
            "that is no news"
        );
        assert!(node.standings.mark_ahead(&peer("q"), 11, node.now));
        assert_eq!(node.standings.behind_since("q"), None);
        node.now += PATIENCE;
        let due = node.due();
        assert_eq!(due.len(), 1);
        assert_eq!(due[0].peer.member().id(), "q");
        assert_eq!(due[0].behind_since, None);
    }

    #[test]
    fn a_former_member_stays_behind_and_is_asked_once_it_is_back() {
        let mut node = Node::new();
        node.standings.mark_former(&peer("p"), 7, node.now);
        let (due, next) = node.standings.due(10, |id| id != "p", node.now);
        assert!(due.is_empty() && next.is_none());
        assert_eq!(node.standings.behind_since("p"), Some(7));
        assert!(
            node.standings.untold().is_empty(),
            "nobody owes it anything"
        );
        node.now += LONGEST_PAUSE;
        node.standings.mark_new(&peer("p"), node.now);
        assert_eq!(node.standings.behind_since("p"), Some(7));
        node.exchange(Exchanged::Done);
        assert_eq!(node.standings.behind_since("p"), None);
        node.standings.mark_new(&peer("q"), node.now);
        assert_eq!(
            node.standings.behind_since("q"),
            Some(0),
            "it may lack anything"
        );
    }

    #[test]
    fn an_exchange_from_before_a_peer_left_does_not_count_once_it_is_back() {
        let node = Node::new();
        node.standings.mark_behind(&peer("p"), node.now);
        let due = node.due();
        node.standings.by_peer.lock().clear();
        node.standings.mark_new(&peer("p"), node.now);
        node.standings.ended(&due[0], Exchanged::Done, node.now);
        assert_eq!(node.standings.behind_since("p"), Some(0));
    }

    #[test]
    fn former_members_are_not_remembered_without_bound() {
        let node = Node::new();
        for number in 0..MAX_FORMER + 10 {
            node.standings
                .mark_former(&peer(&number.to_string()), 7, node.now);
        }
        node.standings.due(10, |_| false, node.now);
        assert_eq!(node.standings.by_peer.lock().len(), MAX_FORMER);
    }
}
