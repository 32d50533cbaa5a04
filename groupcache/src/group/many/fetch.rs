//! Steps 2 and 3 for several keys: their fetch flights, and the rounds with their owners.

use std::sync::Arc;

use futures_util::future::join;
use futures_util::{StreamExt as _, stream};
use peers::{BoxFuture, GetMode, Routes};

use super::landings::{Claimed, Landings};
use super::rounds::{Keyed, ROUNDS_AT_ONCE, Round, rounds};
use crate::Key;
use crate::group::fence::Stamp;
use crate::group::get::Verdict;
use crate::group::inner::Inner;
use crate::lifetime::Via;

/// A key that this call fetches.
struct Fetch {
    claimed: Claimed,
    stamp: Stamp,
}

impl Keyed for Fetch {
    fn key(&self) -> &[u8] {
        &self.claimed.key
    }
}

impl Inner {
    /// Joins the fetch flights of several keys. A task fetches those that nobody has begun.
    pub(super) fn fetch_many(self: &Arc<Self>, keys: Vec<(usize, Key)>) -> Landings {
        let longest = |key: &Key| self.longest_get(key);
        let (landings, claimed) = self.fetches.claim_all(keys, longest);
        if !claimed.is_empty() {
            self.runtime.spawn(Arc::clone(self).fetch_claimed(claimed));
        }
        landings
    }

    async fn fetch_claimed(self: Arc<Self>, claimed: Vec<Claimed>) {
        let mut fetches = Vec::with_capacity(claimed.len());
        for claimed in claimed {
            let stamp = self.fence.stamp_of_mirror(&claimed.key);
            match self.landed(&claimed.key) {
                Some(entry) => claimed.land(Ok(entry)),
                None => fetches.push(Fetch { claimed, stamp }),
            }
        }
        let routes = self.router.snapshot();
        self.fetch_from(routes, 0, fetches).await;
    }

    /// Fetches each key from the owner at this place among its owners, and from the next ones if that
    /// one does not answer. Loads the keys whose turn is this node's.
    fn fetch_from(
        self: Arc<Self>,
        routes: Arc<Routes>,
        place: usize,
        fetches: Vec<Fetch>,
    ) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            let owner = |key: &[u8]| {
                let owner = self.owners(&routes, key).nth(place);
                owner.filter(|owner| !owner.is_self())
            };
            let (rounds, own) = rounds(fetches, owner);
            let asked = stream::iter(rounds).for_each_concurrent(ROUNDS_AT_ONCE, |round| {
                Arc::clone(&self).fetch_round(Arc::clone(&routes), place, round)
            });
            join(asked, self.load_fetches(own)).await;
        })
    }

    /// Asks one peer, and goes on with the keys that it has no answer for.
    async fn fetch_round(self: Arc<Self>, routes: Arc<Routes>, place: usize, round: Round<Fetch>) {
        let replies = self.ask_many(&round, GetMode::Load).await;
        let (peer, fetches) = (round.peer, round.items);
        let (mut next, mut own) = (Vec::new(), Vec::new());
        match self.verdict(&peer, replies) {
            Verdict::Answer(Ok(replies)) => {
                for (fetch, reply) in fetches.into_iter().zip(replies) {
                    match self.verdict(&peer, reply) {
                        Verdict::Answer(answer) => {
                            let Fetch { claimed, stamp } = fetch;
                            let entry = answer.map(|reply| {
                                self.accept(&claimed.key, reply, Via::Fetch, &routes, stamp)
                            });
                            claimed.land(entry);
                        }
                        Verdict::NextPeer => next.push(fetch),
                        Verdict::ThisNode => own.push(fetch),
                    }
                }
            }
            Verdict::Answer(Err(error)) => {
                for fetch in fetches {
                    fetch.claimed.land(Err(error.clone()));
                }
            }
            Verdict::NextPeer => next = fetches,
            Verdict::ThisNode => own = fetches,
        }
        let next = Arc::clone(&self).fetch_from(routes, place + 1, next);
        join(next, self.load_fetches(own)).await;
    }

    /// Loads keys on this node.
    async fn load_fetches(self: &Arc<Self>, fetches: Vec<Fetch>) {
        if fetches.is_empty() {
            return;
        }
        if self.has_peers() {
            for fetch in &fetches {
                self.count_request(fetch.key(), 1.0);
            }
        }
        let keys = fetches.iter().map(|fetch| fetch.claimed.key.clone());
        let mut loads = self.load_many(keys.enumerate().collect());
        let mut fetches: Vec<_> = fetches.into_iter().map(Some).collect();
        while let Some((place, result)) = loads.next().await {
            if let Some(fetch) = fetches[place].take() {
                fetch.claimed.land(result);
            }
        }
    }
}
