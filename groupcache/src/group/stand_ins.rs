//! The task that offers values to the nodes that are to hold them on standby.

use std::collections::VecDeque;
use std::mem;
use std::sync::{Arc, Weak};
use std::time::Duration;

use futures_util::future::join_all;
use peers::{Member, Peer, Routes};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until, timeout};

use super::hand_over::{Copies, Offers, by_peer, together};
use super::inner::Inner;
use super::standby::{Standby, Stored};
use crate::Key;
use crate::panics::survived;

/// The most keys that are offered together.
const TOGETHER: usize = 1024;

/// How long a stand-in may take for an offer. What it has not taken by then it is offered again later.
const PATIENCE: Duration = Duration::from_secs(1);

/// How long after a set its value is offered. Until then the nodes forget the old one.
const AFTER_A_SET: Duration = Duration::from_secs(1);

/// The most keys that wait for that. Of more the first ones are offered sooner.
const MOST_SET: usize = 16_384;

/// How often all values are looked through if some have no copies.
const LOOK: Duration = Duration::from_secs(30);

/// What there is to offer.
pub(super) struct StandIns {
    stored: mpsc::Receiver<Stored>,
    /// Tells of changes of the ring.
    members: watch::Receiver<Arc<[Member]>>,
    /// The ring by which values have been offered.
    routes: Arc<Routes>,
    /// Keys that were set, and when they are to be offered.
    set: VecDeque<(Instant, Key)>,
    next_look: Instant,
}

impl StandIns {
    pub(super) fn new(group: &Inner, stored: mpsc::Receiver<Stored>) -> Self {
        Self {
            stored,
            members: group.router.watch_members(),
            routes: group.router.snapshot(),
            set: VecDeque::new(),
            next_look: Instant::now() + LOOK,
        }
    }

    /// Offers what the group stores, until it ends.
    pub(super) async fn offer(mut self, group: Weak<Inner>) {
        let mut stored = Vec::new();
        loop {
            let next_set = self.set.front().map(|(due, _)| *due);
            let next = next_set.unwrap_or(self.next_look).min(self.next_look);
            tokio::select! {
                biased;
                changed = self.members.changed() => if changed.is_err() { return },
                count = self.stored.recv_many(&mut stored, TOGETHER) => if count == 0 { return },
                () = sleep_until(next) => {}
            }
            let Some(group) = group.upgrade() else { return };
            survived("standby", self.offer_due(&group, &mut stored)).await;
        }
    }

    /// Offers what has moved, what has no copies, and what was stored.
    async fn offer_due(&mut self, group: &Inner, stored: &mut Vec<Stored>) {
        self.offer_moved(group).await;
        self.look_again(group).await;
        let keys = self.due(stored.drain(..));
        group.offer_keys(&self.routes, keys).await;
    }

    /// The keys that are to be offered now.
    fn due(&mut self, stored: impl Iterator<Item = Stored>) -> Vec<Key> {
        let now = Instant::now();
        let mut due = Vec::new();
        for Stored { key, is_set } in stored {
            match is_set {
                true => self.set.push_back((now + AFTER_A_SET, key)),
                false => due.push(key),
            }
        }
        while let Some((at, _)) = self.set.front()
            && (*at <= now || self.set.len() > MOST_SET)
        {
            due.extend(self.set.pop_front().map(|(_, key)| key));
        }
        due
    }

    /// After a change of the ring, others than before hold some of the values.
    async fn offer_moved(&mut self, group: &Inner) {
        let before = mem::replace(&mut self.routes, group.router.snapshot());
        if Arc::ptr_eq(&before, &self.routes) {
            return;
        }
        let moved = group.offers(
            |routes, cached| {
                let held_by = group.stand_in(&before, &cached.key).map(Peer::member);
                let stand_in = group.stand_in(routes, &cached.key);
                let stand_in = stand_in.filter(|peer| held_by != Some(peer.member()));
                stand_in.cloned()
            },
            usize::MAX,
        );
        group.offer_on_standby(moved.await).await;
    }

    /// Offers all values, if some have no copies. Stand-ins take what they lack.
    async fn look_again(&mut self, group: &Inner) {
        let is_due = Instant::now() >= self.next_look;
        if !is_due {
            return;
        }
        self.next_look = Instant::now() + LOOK;
        if group.standby.as_ref().is_some_and(Standby::take_behind) {
            let all = group.offers(
                |routes, cached| group.stand_in(routes, &cached.key).cloned(),
                usize::MAX,
            );
            group.offer_on_standby(all.await).await;
        }
    }
}

impl Inner {
    async fn offer_keys(&self, routes: &Routes, keys: Vec<Key>) {
        let copies = keys.into_iter().filter_map(|key| {
            let peer = self.stand_in(routes, &key)?.clone();
            let bytes = self.store.inspect(&key)?.value.len();
            Some((peer, key, bytes))
        });
        self.offer_on_standby(by_peer(copies)).await;
    }

    async fn offer_on_standby(&self, offers: Offers) {
        let offers = offers.iter();
        join_all(offers.map(|(peer, copies)| self.offer_to_stand_in(peer, copies))).await;
    }

    async fn offer_to_stand_in(&self, peer: &Peer, copies: &Copies) {
        let mut rest = &copies[..];
        while !rest.is_empty() {
            let some = together(rest);
            rest = &rest[some.len()..];
            let taken = timeout(PATIENCE, self.offer_some(peer, some)).await;
            if !matches!(taken, Ok(Ok(()))) {
                let (group, peer) = (&self.name, peer.member());
                tracing::debug!(%group, %peer, "values are not taken on standby");
                self.look_after_standby();
            }
            if let Ok(Err(_)) = taken {
                return; // it is away, or has no such group
            }
        }
    }
}
