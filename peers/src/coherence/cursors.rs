use std::collections::HashMap;
use std::time::{Duration, Instant};

use bytes::Bytes;
use parking_lot::Mutex;

use super::recent_ids::RecentIds;
use crate::{Changes, LogPosition};

/// A peer whose log could not be pulled, or made this node forget all its mirrors, is not pulled from
/// again for this long.
const PAUSE: Duration = Duration::from_secs(1);

/// The table of cursors looks for former members whenever it has grown past this size, and then
/// past twice the number of those that stayed.
const FIRST_PRUNE: usize = 16;

/// How far this node has read the change log of each peer, by the peer's id.
#[derive(Debug)]
pub(super) struct Cursors(Mutex<Table>);

#[derive(Debug)]
struct Table {
    cursors: HashMap<Box<str>, Cursor>,
    prune_at: usize,
}

#[derive(Debug, Default)]
struct Cursor {
    position: LogPosition,
    /// When a reply last showed that the peer's log holds nothing new.
    up_to_date: Option<Instant>,
    /// When a pull last failed, or cost this node all its mirrors.
    paused: Option<Instant>,
    /// Whether a pull is claimed or under way.
    pulling: bool,
    /// Whether a pull showed that the peer has no change log. A reply with a position shows that it has one
    /// by now.
    has_no_log: bool,
}

impl Cursor {
    /// Claims the pull, unless somebody has, or it would be too early.
    fn claim(&mut self, now: Instant) -> bool {
        let is_paused = self
            .paused
            .is_some_and(|since| now.saturating_duration_since(since) < PAUSE);
        !self.has_no_log && !is_paused && !std::mem::replace(&mut self.pulling, true)
    }
}

impl Default for Cursors {
    fn default() -> Self {
        Self(Mutex::new(Table {
            cursors: HashMap::new(),
            prune_at: FIRST_PRUNE,
        }))
    }
}

impl Cursors {
    /// Takes note of the position that came with a reply, and claims the pull if it shows news.
    pub(super) fn claim_if_behind(
        &self,
        peer: &str,
        end: LogPosition,
        is_member: impl Fn(&str) -> bool,
        now: Instant,
    ) -> bool {
        self.0.lock().with(peer, is_member, |cursor| {
            cursor.has_no_log = false;
            let read = cursor.position;
            let is_same_log = read.log == end.log;
            let read = if is_same_log { read.count } else { 0 };
            if end.count > read {
                return cursor.claim(now);
            }
            if !is_same_log {
                cursor.position = end; // a new log without entries
            }
            cursor.up_to_date = Some(now);
            false
        })
    }

    /// Claims the pull if no reply of the peer has come for `silence`.
    pub(super) fn claim_if_quiet(
        &self,
        peer: &str,
        silence: Duration,
        is_member: impl Fn(&str) -> bool,
        now: Instant,
    ) -> bool {
        self.0.lock().with(peer, is_member, |cursor| {
            let heard_lately = cursor
                .up_to_date
                .is_some_and(|at| now.saturating_duration_since(at) < silence);
            !heard_lately && cursor.claim(now)
        })
    }

    /// The pull that was claimed.
    pub(super) fn claimed<'a>(
        &'a self,
        peer: &'a str,
        seen: &'a Mutex<RecentIds>,
        now: Instant,
    ) -> Pull<'a> {
        let table = self.0.lock();
        let cursor = table.cursors.get(peer);
        Pull {
            cursors: self,
            seen,
            peer,
            from: cursor.map(|cursor| cursor.position).unwrap_or_default(),
            outcome: Outcome::Failed(now),
        }
    }
}

impl Table {
    /// Looks at the cursor of a peer. Only that of a new peer allocates.
    fn with<T>(
        &mut self,
        peer: &str,
        is_member: impl Fn(&str) -> bool,
        look: impl FnOnce(&mut Cursor) -> T,
    ) -> T {
        if let Some(cursor) = self.cursors.get_mut(peer) {
            return look(cursor);
        }
        if self.cursors.len() >= self.prune_at {
            self.cursors.retain(|peer, _| is_member(peer));
            self.prune_at = FIRST_PRUNE.max(2 * self.cursors.len());
        }
        look(self.cursors.entry(peer.into()).or_default())
    }
}

/// A pull of a peer's change log that is under way. At most one goes to each peer at a time; a pull
/// that is dropped counts as failed.
#[derive(Debug)]
pub struct Pull<'a> {
    cursors: &'a Cursors,
    /// The ids of the changes that this node has applied in their last phase.
    seen: &'a Mutex<RecentIds>,
    peer: &'a str,
    from: LogPosition,
    outcome: Outcome,
}

#[derive(Debug)]
enum Outcome {
    Failed(Instant),
    NoLog,
    Read {
        end: LogPosition,
        swept: bool,
        at: Instant,
    },
}

/// What this node has to forget after a pull.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Missed {
    /// Whether the log is new to this node. Most of a new log is older than anything this node is
    /// doing. So its keys are forgotten only where they are mirrors: loads of own keys and hand-overs
    /// that are under way stay valid.
    pub is_new_log: bool,
    /// Keys that have changed.
    pub keys: Vec<Bytes>,
    /// Whether any key of another node may have changed. Own keys stay: this node is their owner, and if it
    /// missed a change of one, only a hint tells it.
    pub all: bool,
}

impl Pull<'_> {
    /// The position from which the log has to be read.
    pub fn from(&self) -> LogPosition {
        self.from
    }

    /// What the changes in the peer's answer mean for this node. Changes that this node has applied
    /// itself, in their last phase, are skipped.
    pub fn missed(&self, changes: &Changes) -> Missed {
        let mut missed = Missed {
            is_new_log: self.from.log != changes.position.log,
            all: changes.all,
            keys: Vec::new(),
        };
        let seen = self.seen.lock();
        for change in &changes.entries {
            if change.id != 0 && seen.contains(change.id) {
                continue;
            }
            match &change.key {
                Some(key) => missed.keys.push(key.clone()),
                None => missed.all = true,
            }
        }
        missed
    }

    /// Ends the pull once this node has forgotten what it [missed](Self::missed). `swept` says
    /// whether it has forgotten all its mirrors.
    pub fn finish(mut self, end: LogPosition, swept: bool, now: Instant) {
        self.outcome = Outcome::Read {
            end,
            swept,
            at: now,
        };
    }

    /// Ends the pull without an answer, because the peer has no change log. A quiet peer is not pulled from
    /// again until a reply shows a log.
    pub fn give_up(mut self) {
        self.outcome = Outcome::NoLog;
    }

    /// Ends the pull without an answer.
    pub fn fail(mut self, now: Instant) {
        self.outcome = Outcome::Failed(now);
    }
}

impl Drop for Pull<'_> {
    fn drop(&mut self) {
        let mut table = self.cursors.0.lock();
        let Some(cursor) = table.cursors.get_mut(self.peer) else {
            return;
        };
        cursor.pulling = false;
        match self.outcome {
            Outcome::Failed(at) => cursor.paused = Some(at),
            Outcome::NoLog => cursor.has_no_log = true,
            Outcome::Read { end, swept, at } => {
                cursor.position = end;
                cursor.up_to_date = Some(at);
                if swept {
                    cursor.paused = Some(at);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LoggedChange;

    fn at(log: u64, count: u64) -> LogPosition {
        LogPosition { log, count }
    }

    /// The cursors of a node with one peer, and a clock.
    struct Node {
        cursors: Cursors,
        seen: Mutex<RecentIds>,
        now: Instant,
    }

    impl Node {
        fn new() -> Self {
            Self {
                cursors: Cursors::default(),
                seen: Mutex::default(),
                now: Instant::now(),
            }
        }

        fn is_behind(&self, end: LogPosition) -> bool {
            self.cursors.claim_if_behind("p", end, |_| true, self.now)
        }

        fn is_quiet(&self, silence: Duration) -> bool {
            self.cursors
                .claim_if_quiet("p", silence, |_| true, self.now)
        }

        fn pull(&self) -> Pull<'_> {
            self.cursors.claimed("p", &self.seen, self.now)
        }

        fn read(&self, end: LogPosition) {
            self.pull().finish(end, false, self.now);
        }
    }

    #[test]
    fn a_log_with_news_is_pulled_once_at_a_time() {
        let node = Node::new();
        assert!(!node.is_behind(at(1, 0)), "nothing has changed");
        assert!(node.is_behind(at(1, 2)));
        assert!(!node.is_behind(at(1, 3)), "a pull is under way");
        let pull = node.pull();
        assert_eq!(pull.from(), at(1, 0));
        pull.finish(at(1, 3), false, node.now);
        assert!(!node.is_behind(at(1, 2)), "a late reply");
        assert!(!node.is_behind(at(1, 3)));
        assert!(node.is_behind(at(1, 4)));
    }

    #[test]
    fn the_log_of_a_restarted_peer_is_read_from_its_beginning() {
        let node = Node::new();
        assert!(node.is_behind(at(1, 5)));
        node.read(at(1, 5));
        assert!(node.is_behind(at(2, 3)), "though that is less");
        node.read(at(2, 3));
        assert!(!node.is_behind(at(3, 0)), "the log is still empty");
        assert_eq!(node.pull().from(), at(3, 0));
    }

    #[test]
    fn a_pull_that_failed_or_swept_everything_pauses_the_next_one() {
        for swept in [false, true] {
            let mut node = Node::new();
            assert!(node.is_behind(at(1, 5)));
            let pull = node.pull();
            if swept {
                pull.finish(at(1, 5), true, node.now);
            } else {
                pull.fail(node.now);
            }
            assert!(!node.is_behind(at(1, 6)));
            assert!(!node.is_quiet(Duration::ZERO));
            node.now += PAUSE;
            assert!(node.is_behind(at(1, 6)));
        }
    }

    #[test]
    fn a_peer_without_a_log_is_not_asked_again_until_a_reply_shows_one() {
        let mut node = Node::new();
        assert!(node.is_quiet(Duration::ZERO));
        node.pull().give_up();
        node.now += PAUSE;
        assert!(!node.is_quiet(Duration::ZERO));
        assert!(
            node.is_behind(at(1, 1)),
            "the peer runs a newer version now"
        );
        node.read(at(1, 1));
        assert!(node.is_quiet(Duration::ZERO));
    }

    #[test]
    fn a_pull_that_is_dropped_leaves_the_next_one_free() {
        let mut node = Node::new();
        assert!(node.is_behind(at(1, 5)));
        drop(node.pull());
        node.now += PAUSE;
        assert!(node.is_behind(at(1, 5)));
    }

    #[test]
    fn a_peer_with_recent_replies_is_not_quiet() {
        let (mut node, silence) = (Node::new(), Duration::from_secs(10));
        assert!(node.is_quiet(silence), "no reply has come yet");
        node.read(at(1, 1));
        assert!(!node.is_quiet(silence));
        node.now += silence / 2;
        assert!(!node.is_behind(at(1, 1)), "a reply without news");
        node.now += silence / 2;
        assert!(!node.is_quiet(silence));
        node.now += silence / 2;
        assert!(node.is_quiet(silence));
        assert!(!node.is_quiet(silence), "a pull is under way");
    }

    #[test]
    fn a_change_that_this_node_has_applied_is_not_missed() {
        let node = Node::new();
        assert!(node.is_behind(at(1, 3)));
        node.seen.lock().insert(7);
        let change = |id, key: Option<&'static str>| LoggedChange {
            id,
            key: key.map(|key| Bytes::from_static(key.as_bytes())),
        };
        let mut changes = Changes {
            position: at(1, 3),
            entries: vec![
                change(7, Some("a")),
                change(8, Some("b")),
                change(0, Some("c")),
            ],
            all: false,
        };
        let missed = node.pull().missed(&changes);
        assert!(missed.is_new_log && !missed.all);
        assert_eq!(missed.keys, ["b", "c"]);

        node.read(at(1, 3));
        changes.entries = vec![change(7, None)];
        assert_eq!(node.pull().missed(&changes), Missed::default());
        changes.entries = vec![change(9, None)];
        assert!(node.pull().missed(&changes).all);
    }

    #[test]
    fn cursors_of_former_members_are_dropped_as_new_peers_come() {
        let (cursors, now) = (Cursors::default(), Instant::now());
        for n in 0..1000 {
            let peer = n.to_string();
            cursors.claim_if_behind(&peer, at(1, 1), |id| *id == peer, now);
        }
        assert!(cursors.0.lock().cursors.len() <= FIRST_PRUNE);
    }
}
