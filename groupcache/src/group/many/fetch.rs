//! Steps 2 and 3 for several keys: their fetch flights, and the rounds with their owners.

use std::sync::Arc;
use std::time::Instant;

use futures_util::future::{join, join3};
use futures_util::{StreamExt as _, stream};
use peers::{BoxFuture, GetMode, Peer, Reply, Routes};

use super::claimed::{Claimed, unclaim};
use super::landings::{Landings, Outlet, Wanted};
use super::rounds::{GETS_AT_ONCE, ROUNDS_AT_ONCE, Round, rounds};
use crate::group::get::Verdict;
use crate::group::inner::Inner;
use crate::lifetime::Via;
use crate::panics::caught_now;
use crate::{Entry, Error, Key};

/// The keys that a peer will not answer.
#[derive(Default)]
struct Unanswered {
    /// Their next owners are to be asked.
    next: Vec<Claimed>,
    /// This node loads them.
    own: Vec<Claimed>,
}

impl Inner {
    /// Fetches several keys, and joins the flights that others have begun. A task drives the rest to its end.
    pub(super) fn fetch_many(self: &Arc<Self>, keys: Vec<(usize, Key)>) -> Landings {
        let (landings, wanted, outlet) = Landings::of(keys);
        let work = Arc::clone(self).fetch_wanted(wanted, outlet);
        self.runtime.spawn(work);
        landings
    }

    /// Asks the keys' owners, and loads the keys that this node owns. These need no fetch flights: their
    /// load flights are enough to do nothing twice.
    async fn fetch_wanted(self: Arc<Self>, wanted: Vec<Wanted>, outlet: Outlet) {
        let routes = self.router.snapshot();
        let owner = |key: &[u8]| routes.owner(key).filter(|owner| !owner.is_self());
        let (rounds, own) = rounds(wanted, owner);
        let asked = stream::iter(rounds).for_each_concurrent(ROUNDS_AT_ONCE, |round| {
            Arc::clone(&self).begin_round(Arc::clone(&routes), round, outlet.clone())
        });
        self.count_loads(own.iter().map(|wanted| &wanted.key));
        join(asked, Arc::clone(&self).load_wanted(own, outlet.clone())).await;
    }

    /// Claims the flights of a round's keys, and asks for them.
    async fn begin_round(
        self: Arc<Self>,
        routes: Arc<Routes>,
        round: Round<Wanted>,
        outlet: Outlet,
    ) {
        let Round { peer, items } = round;
        let (most, mut items) = (items.len(), items.into_iter());
        let items = self.claim(&self.fetches, &mut items, most, &outlet);
        self.fetch_round(routes, 0, Round { peer, items }, outlet)
            .await;
    }

    /// Fetches each key from the owner at this place among its owners, and from the next ones if that
    /// one does not answer. Loads the keys whose turn is this node's.
    fn fetch_from(
        self: Arc<Self>,
        routes: Arc<Routes>,
        place: usize,
        fetches: Vec<Claimed>,
        outlet: Outlet,
    ) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            let owner = |key: &[u8]| {
                let owner = self.owners(&routes, key).nth(place);
                owner.filter(|owner| !owner.is_self())
            };
            let (rounds, own) = rounds(fetches, owner);
            // All at once: a key that is claimed does not wait.
            let asked = stream::iter(rounds).for_each_concurrent(None, |round| {
                Arc::clone(&self).fetch_round(Arc::clone(&routes), place, round, outlet.clone())
            });
            join(asked, self.load_instead(own, &outlet)).await;
        })
    }

    /// Asks one peer, and goes on with the keys that it has no answer for. Those that it leaves for later are
    /// asked for together again, as long as each exchange brings some, and then each alone.
    async fn fetch_round(
        self: Arc<Self>,
        routes: Arc<Routes>,
        place: usize,
        round: Round<Claimed>,
        outlet: Outlet,
    ) {
        let Round { peer, items } = round;
        let mut left = Unanswered::default();
        let (mut late, mut asked) = (items, 0);
        while !late.is_empty() && late.len() != asked {
            asked = late.len();
            let answered = self.ask_and_land(&routes, &peer, late, &mut left, &outlet);
            late = answered.await;
            // There may be many exchanges. Who wants one of these keys is faster alone.
            unclaim(&mut late);
        }
        let next = Arc::clone(&self).fetch_from(routes, place + 1, left.next, outlet.clone());
        let own = self.load_instead(left.own, &outlet);
        join3(self.fetch_alone(late, &outlet), next, own).await;
    }

    /// Asks one peer, and lands the keys that it answers. Returns the keys that it leaves for later.
    async fn ask_and_land(
        self: &Arc<Self>,
        routes: &Routes,
        peer: &Peer,
        fetches: Vec<Claimed>,
        left: &mut Unanswered,
        outlet: &Outlet,
    ) -> Vec<Claimed> {
        let (mut late, mut is_noted) = (Vec::new(), false);
        let answers = self.ask_together(peer, &fetches, GetMode::Load).await;
        match self.verdict(peer, None, answers, &mut is_noted) {
            Verdict::Answer(Ok(answers)) => {
                let mut landed = Vec::with_capacity(fetches.len());
                let now = self.clock.now();
                for (fetch, answer) in fetches.into_iter().zip(answers) {
                    let key = Some(fetch.key());
                    match answer.map(|answer| self.verdict(peer, key, answer, &mut is_noted)) {
                        Some(Verdict::Answer(answer)) => {
                            let entry = self.accepted(routes, &fetch, answer, now);
                            landed.push((fetch, entry));
                        }
                        Some(Verdict::NextPeer) => left.next.push(fetch),
                        Some(Verdict::ThisNode) => left.own.push(fetch),
                        None => late.push(fetch),
                    }
                }
                outlet.land_all(landed);
            }
            Verdict::Answer(Err(error)) => {
                let fetches = fetches.into_iter();
                outlet.land_all(fetches.map(|fetch| (fetch, Err(error.clone()))));
            }
            Verdict::NextPeer => left.next.extend(fetches),
            Verdict::ThisNode => left.own.extend(fetches),
        }
        late
    }

    /// The outcome of a key, from its owner's answer.
    fn accepted(
        &self,
        routes: &Routes,
        fetch: &Claimed,
        answer: Result<Reply, Error>,
        now: Instant,
    ) -> Result<Entry, Error> {
        let (key, since) = (fetch.key(), fetch.since);
        caught_now(|| {
            self.note_answer(key, since, &answer);
            Ok(self.accept_at(now, key, answer?, Via::Fetch, routes, since))
        })
    }

    /// Fetches each key as a single get does, so many at a time.
    async fn fetch_alone(self: &Arc<Self>, fetches: Vec<Claimed>, outlet: &Outlet) {
        stream::iter(fetches)
            .for_each_concurrent(GETS_AT_ONCE, async |fetch| {
                let longest = || self.longest_get(fetch.key());
                let result = self.join_fetch(fetch.key().clone()).landing(longest).await;
                outlet.land(fetch, result);
            })
            .await;
    }

    /// Loads keys of others on this node.
    async fn load_instead(self: &Arc<Self>, mut fetches: Vec<Claimed>, outlet: &Outlet) {
        if fetches.is_empty() {
            return;
        }
        unclaim(&mut fetches);
        self.count_loads(fetches.iter().map(Claimed::key));
        let keys = fetches.iter().map(|fetch| fetch.key().clone());
        let loads = self.load_many(keys.enumerate().collect());
        let mut loads = loads.ready_chunks(fetches.len());
        let mut fetches: Vec<_> = fetches.into_iter().map(Some).collect();
        while let Some(loaded) = loads.next().await {
            outlet.land_all(loaded.into_iter().filter_map(|(place, result)| {
                let fetch = fetches[place].take()?;
                Some((fetch, result))
            }));
        }
    }

    /// Counts requests for keys that this node loads.
    fn count_loads<'a>(&self, keys: impl Iterator<Item = &'a Key>) {
        if self.counts_requests() {
            keys.for_each(|key| _ = self.count_request(key, 1.0));
        }
    }
}
