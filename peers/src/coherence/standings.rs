use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::mem;
use std::ops::Range;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::limits::LONGEST;
use crate::{ChangeId, Knowledge, Member, Peer};

/// The pause before the first exchange with a peer that was not told of a change. It doubles with every exchange that fails.
pub(super) const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// The longest pause between two exchanges that fail. While a peer is left alone, an exchange costs nothing.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// The most former members that are remembered.
const MAX_FORMER: usize = 1024;

/// How this node stands with its peers: up to where each of them is known to have made what this node has, and when to
/// compare with it.
#[derive(Debug, Default)]
pub(super) struct Standings {
    /// A member at another address is another one.
    by_peer: Mutex<ByPeer>,
    /// About how often this node compares with one of its members; `None` for never.
    interval: Option<Duration>,
    /// Whether the members' protocol has exchanges.
    pub(super) has_exchanges: bool,
    /// Has whoever makes the exchanges look which are due.
    pub(super) news: Notify,
}

type ByPeer = HashMap<Member, Standing>;

#[derive(Debug, Default)]
struct Standing {
    /// Whether it was a member at the last look.
    is_member: bool,
    confirmed: Option<Confirmed>,
    /// The positions between which it is known that the peer may lack changes.
    missed: Option<Range<u64>>,
    due: Option<Instant>,
    is_under_way: bool,
    /// The pause after the last exchange, if that has failed; otherwise zero.
    pause: Duration,
}

/// An exchange that is due.
#[derive(Debug)]
pub struct DueExchange {
    /// The peer.
    pub peer: Peer,
    /// The position in this node's log from which on it is known that the peer may lack changes.
    pub missed_since: Option<u64>,
    /// Whether the last one has failed. Those that may fail again should not hold the others up.
    pub is_again: bool,
}

/// The exchanges that are due, and when to look again.
pub(super) type Due = (Vec<DueExchange>, Instant);

/// What an exchange has shown: the peer has made what this node has heard of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Confirmed {
    /// The position in this node's log up to which it has.
    pub position: u64,
    /// Names the start of the peer.
    pub origin: u64,
    /// The last change that the peer had begun by then.
    pub begun: u64,
}

impl Confirmed {
    /// The peer that has sent this knowledge lacks nothing up to that position.
    pub fn by(theirs: &Knowledge, position: u64) -> Self {
        Self {
            position,
            origin: theirs.origin,
            begun: theirs.begun,
        }
    }
}

impl Standing {
    /// The peer has made what it was told, and is compared with again when it is the routine.
    fn confirm(&mut self, confirmed: Confirmed, routine: Option<Instant>, now: Instant) {
        let (position, origin) = (confirmed.position, confirmed.origin);
        let is_later = |held: Confirmed| held.origin == origin && held.position > position;
        if !self.confirmed.is_some_and(is_later) {
            self.confirmed = Some(confirmed);
        }
        self.missed.take_if(|missed| missed.end <= position);
        let soon = self.missed.as_ref().map(|_| now + FIRST_PAUSE);
        (self.due, self.pause) = (soon.or(routine), Duration::ZERO);
    }

    /// Has an exchange be due then, unless it waits for the end of a pause. Says whether that is sooner.
    fn hasten(&mut self, due: Instant) -> bool {
        let is_sooner = self.pause.is_zero() && self.due.is_none_or(|held| due < held);
        if is_sooner {
            self.due = Some(due);
        }
        is_sooner
    }
}

impl Standings {
    pub(super) fn new(interval: Duration, has_exchanges: bool) -> Self {
        let is_needed = has_exchanges && !interval.is_zero();
        Self {
            interval: is_needed.then_some(interval),
            has_exchanges,
            ..Self::default()
        }
    }

    /// How far a peer is known to be.
    pub(super) fn confirmed(&self, peer: &Member) -> Option<Confirmed> {
        self.by_peer.lock().get(peer)?.confirmed
    }

    /// The position up to which the peer with this origin had made all changes before it began the one of that number.
    pub(super) fn confirmed_before(&self, ChangeId { origin, number }: ChangeId) -> u64 {
        let by_peer = self.by_peer.lock();
        let confirmed = by_peer.values().filter_map(|standing| standing.confirmed);
        // A peer that has moved has a standing at each of its addresses.
        let of_peer = confirmed.filter(|it| it.origin == origin && it.begun < number);
        of_peer
            .map(|confirmed| confirmed.position)
            .max()
            .unwrap_or(0)
    }

    /// Whether it is known that a peer may lack changes.
    pub(super) fn is_behind(&self, peer: &Member) -> bool {
        let by_peer = self.by_peer.lock();
        by_peer.get(peer).is_some_and(|held| held.missed.is_some())
    }

    /// A peer may lack the changes at these positions. An exchange is due then.
    pub(super) fn miss(&self, peer: &Member, positions: Range<u64>, due: Instant) {
        let mut by_peer = self.by_peer.lock();
        let standing = by_peer.entry(peer.clone()).or_default();
        let missed = standing.missed.get_or_insert(positions.clone());
        *missed = missed.start.min(positions.start)..missed.end.max(positions.end);
        if standing.hasten(due) {
            self.news.notify_one();
        }
    }

    /// A peer has said which start of it this is. If it is another one, what was confirmed of it is void.
    pub(super) fn heard(&self, peer: &Member, origin: u64) {
        let mut by_peer = self.by_peer.lock();
        let is_another = |confirmed: &mut Confirmed| confirmed.origin != origin;
        if let Some(standing) = by_peer.get_mut(peer)
            && standing.confirmed.take_if(is_another).is_some()
        {
            self.news.notify_one();
        }
    }

    /// The exchanges with members that are due, and when to look again. This node compares with those who have joined: they
    /// may lack any change, or what has changed since they left. And with those that are not known to have made all before
    /// the position `worn`: it soon forgets these changes.
    pub(super) fn due(&self, members: &[Peer], worn: u64, now: Instant) -> Due {
        let mut by_peer = self.by_peer.lock();
        let routine = self.routine(&by_peer, now);
        let mut former = mem::take(&mut *by_peer);
        let (mut exchanges, mut next) = (Vec::new(), now + LONGEST);
        for peer in members {
            let mut standing = former.remove(peer.member()).unwrap_or_default();
            let has_joined = !mem::replace(&mut standing.is_member, true);
            let has_made_worn = standing.confirmed.is_some_and(|held| held.position >= worn);
            if self.has_exchanges && (has_joined || !has_made_worn) {
                standing.hasten(now);
            }
            if !standing.is_under_way {
                let is_due = standing.due.take_if(|due| *due <= now).is_some();
                let is_in_order = has_made_worn && standing.missed.is_none();
                // Taken by each exchange, so that what it shows is news.
                if is_due && !(peer.take_agreement() && is_in_order) {
                    standing.is_under_way = true;
                    exchanges.push(DueExchange {
                        peer: peer.clone(),
                        missed_since: standing.missed.as_ref().map(|missed| missed.start),
                        is_again: !standing.pause.is_zero(),
                    });
                } else if is_due {
                    (standing.due, standing.pause) = (routine, Duration::ZERO);
                }
                next = next.min(standing.due.unwrap_or(next));
            }
            by_peer.insert(peer.member().clone(), standing);
        }
        for (member, mut standing) in former.into_iter().take(MAX_FORMER) {
            (standing.is_member, standing.pause) = (false, Duration::ZERO);
            by_peer.insert(member, standing);
        }
        (exchanges, next)
    }

    /// The peer of that id has asked, and lacked nothing.
    pub(super) fn confirm(&self, id: &str, confirmed: Confirmed, now: Instant) {
        let mut by_peer = self.by_peer.lock();
        let routine = self.routine(&by_peer, now);
        for (member, standing) in by_peer.iter_mut() {
            if standing.is_member && member.id() == id {
                standing.confirm(confirmed, routine, now);
            }
        }
    }

    /// Ends an exchange; `None` if it has failed.
    pub(super) fn ended(&self, exchange: &DueExchange, confirmed: Option<Confirmed>, now: Instant) {
        let mut by_peer = self.by_peer.lock();
        let routine = self.routine(&by_peer, now);
        let standing = by_peer.entry(exchange.peer.member().clone()).or_default();
        standing.is_under_way = false;
        if let Some(confirmed) = confirmed {
            standing.confirm(confirmed, routine, now);
        } else {
            standing.pause = LONGEST_PAUSE.min(2 * standing.pause.max(FIRST_PAUSE));
            standing.due = Some(now + standing.pause);
        }
        self.news.notify_one();
    }

    /// When to compare again with a member though nothing has happened: after half to one and a half intervals for each
    /// member, so that nodes that were started together do not stay so.
    fn routine(&self, by_peer: &ByPeer, now: Instant) -> Option<Instant> {
        let interval = self.interval?;
        let members = by_peer.values().filter(|held| held.is_member).count();
        let random = RandomState::new().hash_one("each time another one") >> 32;
        let part = random as f64 / f64::from(u32::MAX);
        now.checked_add(interval.mul_f64(members as f64 * (0.5 + part)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coherence::nowhere;

    fn peer(id: &str) -> Peer {
        nowhere::peer(id, id)
    }

    fn member(id: &str) -> Member {
        peer(id).member().clone()
    }

    const INTERVAL: Duration = Duration::from_secs(10);

    /// The standings of a node, its members, the position before which its log is worn, and its clock.
    struct Node {
        standings: Standings,
        members: Vec<Peer>,
        worn: u64,
        now: Instant,
    }

    impl Node {
        /// A node that has members and has yet to compare with them.
        fn new(ids: &[&str]) -> Self {
            Self {
                standings: Standings::new(INTERVAL, true),
                members: ids.iter().map(|id| peer(id)).collect(),
                worn: 0,
                now: Instant::now(),
            }
        }

        /// The same, and it has compared with them.
        fn that_has_compared(ids: &[&str]) -> Self {
            let mut node = Self::new(ids);
            for exchange in node.due() {
                node.end(&exchange, done(0));
            }
            node.now += FIRST_PAUSE;
            assert!(node.due().is_empty());
            node
        }

        fn due(&self) -> Vec<DueExchange> {
            let (due, _) = self.standings.due(&self.members, self.worn, self.now);
            due
        }

        /// The peers with which an exchange is due. It begins.
        fn due_ids(&self) -> Vec<String> {
            let due = self.due().into_iter();
            let mut ids: Vec<_> = due.map(|due| due.peer.member().id().to_owned()).collect();
            ids.sort();
            ids
        }

        /// The time to the next exchange; `None` if one is due, or there is none.
        fn pause(&self) -> Option<Duration> {
            let (due, next) = self.standings.due(&self.members, self.worn, self.now);
            assert!(due.is_empty());
            Some(next - self.now).filter(|pause| *pause < LONGEST)
        }

        fn end(&self, exchange: &DueExchange, confirmed: Option<Confirmed>) {
            self.standings.ended(exchange, confirmed, self.now);
        }

        /// Makes the one exchange that is due.
        fn exchange(&self, confirmed: Option<Confirmed>) {
            let due = self.due();
            assert_eq!(due.len(), 1);
            self.end(&due[0], confirmed);
        }

        fn miss(&self, id: &str, positions: Range<u64>) {
            let (member, due) = (member(id), self.now + FIRST_PAUSE);
            self.standings.miss(&member, positions, due);
        }

        fn is_behind(&self, id: &str) -> bool {
            self.standings.is_behind(&member(id))
        }

        fn position(&self, id: &str) -> Option<u64> {
            let confirmed = self.standings.confirmed(&member(id))?;
            Some(confirmed.position)
        }
    }

    fn done(position: u64) -> Option<Confirmed> {
        let (origin, begun) = (1, 5);
        Some(Confirmed {
            position,
            origin,
            begun,
        })
    }

    #[test]
    fn a_node_compares_with_each_member_that_joins_and_then_once_in_a_while() {
        let mut node = Node::new(&["p", "q"]);
        for exchange in node.due() {
            node.end(&exchange, done(7));
        }
        assert_eq!(node.position("p"), Some(7));
        assert_eq!(node.position("stranger"), None);
        let pause = node.pause().unwrap();
        assert!(INTERVAL <= pause && pause <= 3 * INTERVAL, "{pause:?}");
        node.members.push(peer("r"));
        assert_eq!(node.due_ids(), ["r"]);
        node.now += 3 * INTERVAL;
        assert_eq!(node.due_ids(), ["p", "q"], "and r is under way");
    }

    #[test]
    fn nothing_is_exchanged_with_a_peer_whose_replies_show_that_nothing_is_new() {
        let mut node = Node::that_has_compared(&["p"]);
        for _ in 0..3 {
            node.now += 2 * INTERVAL;
            node.members[0].note_agreement();
            assert!(node.due().is_empty());
        }
        node.now += 2 * INTERVAL;
        node.exchange(done(0));
        // What this node has to tell does not wait.
        node.members[0].note_agreement();
        node.miss("p", 3..4);
        node.now += FIRST_PAUSE;
        node.exchange(done(4));
        node.members[0].note_agreement();
        node.worn = 5;
        node.exchange(done(5));
        node.members[0].note_agreement();
        node.standings.heard(&member("p"), 2);
        assert_eq!(node.due_ids(), ["p"]);
    }

    #[test]
    fn a_change_after_an_exchange_that_failed_and_was_then_left_out_does_not_wait() {
        let mut node = Node::that_has_compared(&["p"]);
        node.now += 2 * INTERVAL;
        node.exchange(None);
        node.now += LONGEST_PAUSE;
        node.members[0].note_agreement();
        assert!(node.due().is_empty());
        node.miss("p", 3..4);
        assert_eq!(node.pause(), Some(FIRST_PAUSE));
    }

    #[test]
    fn a_peer_is_behind_until_an_exchange_has_told_it_all_that_it_missed() {
        let mut node = Node::that_has_compared(&["p"]);
        node.miss("p", 7..8);
        node.miss("p", 5..6);
        assert!(node.is_behind("p") && !node.is_behind("q"));
        assert_eq!(node.pause(), Some(FIRST_PAUSE));
        node.now += FIRST_PAUSE;
        let due = node.due();
        assert_eq!(due[0].missed_since, Some(5));
        node.end(&due[0], None);
        assert!(node.is_behind("p"));
        node.now += LONGEST_PAUSE;
        node.exchange(done(8));
        assert!(!node.is_behind("p"));
        assert_eq!(node.position("p"), Some(8));
    }

    #[test]
    fn what_is_missed_during_an_exchange_takes_another_one() {
        let mut node = Node::that_has_compared(&["p"]);
        node.miss("p", 7..8);
        node.now += FIRST_PAUSE;
        let due = node.due();
        node.miss("p", 9..10);
        node.now += FIRST_PAUSE;
        assert!(node.due().is_empty(), "one at a time");
        node.end(&due[0], done(9));
        assert!(node.is_behind("p"));
        assert_eq!(node.pause(), Some(FIRST_PAUSE));
        node.now += FIRST_PAUSE;
        node.exchange(done(10));
        assert!(!node.is_behind("p"));
    }

    #[test]
    fn pauses_double_to_two_seconds_and_end_when_the_peer_joins() {
        let mut node = Node::new(&["p"]);
        for milliseconds in [200, 400, 800, 1600, 2000, 2000] {
            node.exchange(None);
            // Another change does not hasten the next exchange.
            node.miss("p", 9..10);
            let pause = node.pause().unwrap();
            assert_eq!(pause, Duration::from_millis(milliseconds));
            node.now += pause;
        }
        node.exchange(None);
        // It has joined once more.
        let members = std::mem::take(&mut node.members);
        assert!(node.due().is_empty());
        node.members = members;
        assert_eq!(node.due_ids(), ["p"]);
    }

    #[test]
    fn a_peer_that_has_started_again_has_to_be_told_again() {
        let mut node = Node::new(&["p"]);
        node.exchange(done(7));
        node.now += FIRST_PAUSE;
        let before = |number| {
            node.standings
                .confirmed_before(ChangeId { origin: 1, number })
        };
        assert_eq!((before(5), before(6)), (0, 7));
        node.standings.heard(&member("p"), 1);
        assert_eq!(node.position("p"), Some(7));
        node.standings.heard(&member("p"), 2);
        assert_eq!(node.position("p"), None);
        assert_eq!(before(6), 0);
        assert_eq!(node.due_ids(), ["p"]);
    }

    #[test]
    fn a_node_compares_before_its_log_forgets() {
        let mut node = Node::new(&["p"]);
        node.exchange(done(7));
        node.now += FIRST_PAUSE;
        node.worn = 7;
        assert!(node.due().is_empty());
        node.worn = 8;
        assert_eq!(node.due_ids(), ["p"]);
    }

    #[test]
    fn a_former_member_is_told_nothing_and_compared_with_once_it_is_back() {
        let mut node = Node::new(&["p"]);
        node.exchange(done(7));
        node.now += FIRST_PAUSE;
        let members = std::mem::take(&mut node.members);
        node.miss("p", 7..8);
        assert_eq!(node.pause(), None);
        assert_eq!(node.position("p"), Some(7));
        node.members = members;
        assert_eq!(node.due_ids(), ["p"]);
    }

    #[test]
    fn a_member_at_another_address_is_another_one() {
        let mut node = Node::new(&["p"]);
        let due = node.due();
        node.members = vec![nowhere::peer("p", "elsewhere")];
        assert_eq!(node.due_ids(), ["p"]);
        node.end(&due[0], done(7));
        let elsewhere = node.members[0].member();
        assert_eq!(node.standings.confirmed(elsewhere), None);
    }

    #[test]
    fn former_members_are_not_remembered_without_bound() {
        let node = Node::new(&[]);
        for number in 0..MAX_FORMER + 10 {
            node.miss(&number.to_string(), 7..8);
        }
        assert!(node.due().is_empty());
        assert_eq!(node.standings.by_peer.lock().len(), MAX_FORMER);
    }

    #[test]
    fn without_exchanges_only_peers_that_were_not_told_are_due() {
        let mut node = Node::new(&["p", "q"]);
        node.standings = Standings::new(INTERVAL, false);
        node.worn = 5;
        assert_eq!(node.pause(), None);
        node.miss("p", 7..8);
        node.now += FIRST_PAUSE;
        node.exchange(done(8));
        assert_eq!(node.pause(), None);
    }
}
