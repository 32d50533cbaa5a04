use std::collections::{HashSet, VecDeque};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use super::peer::Peer;
use crate::Member;

/// How long a change of the members may take to reach all nodes.
const LATELY: Duration = Duration::from_secs(60);

/// The most peers that are remembered. Of more that come and go within the time, the latest are.
const MOST: usize = 1024;

/// The peers that have come and gone lately: other nodes may not know of it yet.
#[derive(Debug, Default)]
pub(super) struct Turnover(Mutex<VecDeque<Turn>>);

#[derive(Debug)]
struct Turn {
    peer: Peer,
    has_joined: bool,
    at: Instant,
}

impl Turnover {
    /// Notes what a change of the members has changed. To a node that starts, all have just joined: other nodes may not know of
    /// those that started shortly before.
    pub(super) fn note(&self, before: &[Peer], after: &[Peer]) {
        let at = Instant::now();
        let turn = |peer: Peer, has_joined| Turn {
            peer,
            has_joined,
            at,
        };
        let mut turns = self.0.lock();
        turns.retain(|turn| turn.at.elapsed() <= LATELY);
        turns.extend(Peer::without(before, after).map(|peer| turn(peer, false)));
        turns.extend(Peer::without(after, before).map(|peer| turn(peer, true)));
        let excess = turns.len().saturating_sub(MOST);
        turns.drain(..excess);
    }

    /// The peers that have joined lately, and are among the members. This node is none of them.
    pub(super) fn joined(&self, members: &[Peer]) -> Vec<Peer> {
        let members: HashSet<&Member> = members.iter().map(Peer::member).collect();
        let joined = self.latest(true).into_iter();
        joined
            .filter(|peer| !peer.is_self() && members.contains(peer.member()))
            .collect()
    }

    /// The peers that have left lately, and are not among the members by another URL.
    pub(super) fn left(&self, members: &[Peer]) -> Vec<Peer> {
        let ids: HashSet<&str> = members.iter().map(|peer| peer.member().id()).collect();
        let left = self.latest(false).into_iter();
        left.filter(|peer| !ids.contains(peer.member().id()))
            .collect()
    }

    /// Each peer once that has joined, or left.
    fn latest(&self, has_joined: bool) -> Vec<Peer> {
        let mut turns = self.0.lock();
        while turns.front().is_some_and(|turn| turn.at.elapsed() > LATELY) {
            turns.pop_front();
        }
        let (mut ids, mut peers) = (HashSet::new(), Vec::new());
        let latest = turns.iter().rev();
        for turn in latest.filter(|turn| turn.has_joined == has_joined) {
            if ids.insert(turn.peer.member().id()) {
                peers.push(turn.peer.clone());
            }
        }
        peers
    }
}
