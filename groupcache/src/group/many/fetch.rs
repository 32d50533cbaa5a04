//! Steps 2 and 3 for several keys: their fetch flights, and the rounds with their owners.

use std::sync::Arc;

use futures_util::future::{join, join3};
use futures_util::{StreamExt as _, stream};
use peers::{BoxFuture, GetMode, Peer, Reply, Routes};

use super::landings::{Claimed, Landings};
use super::rounds::{GETS_AT_ONCE, Keyed, ROUNDS_AT_ONCE, Round, rounds};
use crate::group::fence::Stamp;
use crate::group::get::Verdict;
use crate::group::inner::Inner;
use crate::lifetime::Via;
use crate::{Entry, Error, Key};

/// How many exchanges a round has at most.
const EXCHANGES: usize = 2;

/// A key that this call fetches.
struct Fetch {
    claimed: Claimed,
    stamp: Stamp,
}

/// The keys that a peer will not answer.
#[derive(Default)]
struct Unanswered {
    /// Their next owners are to be asked.
    next: Vec<Fetch>,
    /// This node loads them.
    own: Vec<Fetch>,
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
                let owner = match place {
                    0 => routes.owner(key),
                    _ => self.owners(&routes, key).nth(place),
                };
                owner.filter(|owner| !owner.is_self())
            };
            let (rounds, own) = rounds(fetches, owner);
            let asked = stream::iter(rounds).for_each_concurrent(ROUNDS_AT_ONCE, |round| {
                Arc::clone(&self).fetch_round(Arc::clone(&routes), place, round)
            });
            join(asked, self.load_fetches(own)).await;
        })
    }

    /// Asks one peer, and goes on with the keys that it has no answer for. Those that it leaves for later are
    /// asked for together once more, if the first exchange brought any of them, and then each alone.
    async fn fetch_round(self: Arc<Self>, routes: Arc<Routes>, place: usize, round: Round<Fetch>) {
        let Round { peer, items } = round;
        let mut left = Unanswered::default();
        let (mut late, mut asked) = (items, 0);
        for _ in 0..EXCHANGES {
            if late.is_empty() || late.len() == asked {
                break;
            }
            asked = late.len();
            late = self.ask_and_land(&routes, &peer, late, &mut left).await;
        }
        let alone = stream::iter(late).for_each_concurrent(GETS_AT_ONCE, |fetch| {
            Arc::clone(&self).fetch_alone(Arc::clone(&routes), place, fetch)
        });
        let next = Arc::clone(&self).fetch_from(Arc::clone(&routes), place + 1, left.next);
        join3(alone, next, self.load_fetches(left.own)).await;
    }

    /// Asks one peer, and lands the keys that it answers. Returns the keys that it leaves for later.
    async fn ask_and_land(
        self: &Arc<Self>,
        routes: &Routes,
        peer: &Peer,
        fetches: Vec<Fetch>,
        left: &mut Unanswered,
    ) -> Vec<Fetch> {
        let mut late = Vec::new();
        let answers = self.ask_together(peer, &fetches, GetMode::Load).await;
        match self.verdict(peer, answers) {
            Verdict::Answer(Ok(answers)) => {
                let mut landed = Vec::with_capacity(fetches.len());
                for (fetch, answer) in fetches.into_iter().zip(answers) {
                    match answer.map(|answer| self.verdict(peer, answer)) {
                        Some(Verdict::Answer(answer)) => {
                            landed.push(self.accepted(routes, fetch, answer));
                        }
                        Some(Verdict::NextPeer) => left.next.push(fetch),
                        Some(Verdict::ThisNode) => left.own.push(fetch),
                        None => late.push(fetch),
                    }
                }
                Claimed::land_all(landed);
            }
            Verdict::Answer(Err(error)) => {
                let fetches = fetches.into_iter();
                Claimed::land_all(fetches.map(|fetch| (fetch.claimed, Err(error.clone()))));
            }
            Verdict::NextPeer => left.next.extend(fetches),
            Verdict::ThisNode => left.own.extend(fetches),
        }
        late
    }

    /// Fetches a key as a single get does, from the owner at this place on.
    async fn fetch_alone(self: Arc<Self>, routes: Arc<Routes>, place: usize, fetch: Fetch) {
        let (key, mode) = (&fetch.claimed.key, GetMode::Load);
        match self.ask_owners_from(place, &routes, key, mode).await {
            Some(answer) => Claimed::land_all([self.accepted(&routes, fetch, answer)]),
            None => self.load_fetches(vec![fetch]).await,
        }
    }

    /// A key and its outcome, from its owner's answer.
    fn accepted(
        &self,
        routes: &Routes,
        fetch: Fetch,
        answer: Result<Reply, Error>,
    ) -> (Claimed, Result<Entry, Error>) {
        let Fetch { claimed, stamp } = fetch;
        let accept = |reply| self.accept(&claimed.key, reply, Via::Fetch, routes, stamp);
        let entry = answer.map(accept);
        (claimed, entry)
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
        let loads = self.load_many(keys.enumerate().collect());
        let mut fetches: Vec<_> = fetches.into_iter().map(Some).collect();
        let mut loads = loads.ready_chunks(fetches.len());
        while let Some(loaded) = loads.next().await {
            Claimed::land_all(loaded.into_iter().filter_map(|(place, result)| {
                let fetch = fetches[place].take()?;
                Some((fetch.claimed, result))
            }));
        }
    }
}
