//! The gets of several keys that do not go all the way: peek, and no load by a peer.

use std::mem;
use std::sync::Arc;

use futures_util::future::join;
use futures_util::{StreamExt as _, stream};
use peers::{GetMode, Peer, Reply, Routes};

use super::landings::{Landings, Outlet, Wanted};
use super::rounds::{GETS_AT_ONCE, Keyed, ROUNDS_AT_ONCE, Round, rounds};
use crate::group::inner::Inner;
use crate::lifetime::Via;
use crate::panics::caught_now;
use crate::{Entry, Error, Key, NotFound};

/// A key whose owner is asked for a copy.
struct Peek {
    wanted: Wanted,
    since: u64,
}

impl Keyed for Peek {
    fn key(&self) -> &[u8] {
        self.wanted.key()
    }
}

/// What becomes of a key whose owner has no copy.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Otherwise {
    /// It is not found.
    NotFound,
    /// This node loads the value, also if the owner cannot be asked.
    Load,
}

impl Inner {
    /// Takes only what is cached at the keys' owners, and does as said with the others. A key that is listed
    /// twice is asked for once.
    pub(super) fn peek_many(
        self: &Arc<Self>,
        keys: Vec<(usize, Key)>,
        otherwise: Otherwise,
    ) -> Landings {
        let (landings, wanted, outlet) = Landings::of(keys);
        let work = Arc::clone(self).peek_at_owners(wanted, otherwise, outlet);
        self.runtime.spawn(work);
        landings
    }

    async fn peek_at_owners(
        self: Arc<Self>,
        wanted: Vec<Wanted>,
        otherwise: Otherwise,
        outlet: Outlet,
    ) {
        let routes = self.router.snapshot();
        let owner = |key: &[u8]| routes.owner(key).filter(|owner| !owner.is_self());
        let (rounds, own) = rounds(wanted, owner);
        let asked = stream::iter(rounds).for_each_concurrent(ROUNDS_AT_ONCE, |round| {
            Arc::clone(&self).peek_round(Arc::clone(&routes), round, otherwise, outlet.clone())
        });
        join(asked, self.do_without(own, otherwise, &outlet)).await;
    }

    async fn peek_round(
        self: Arc<Self>,
        routes: Arc<Routes>,
        round: Round<Wanted>,
        otherwise: Otherwise,
        outlet: Outlet,
    ) {
        let Round { peer, items } = round;
        let items = items.into_iter().map(|wanted| Peek {
            since: self.coherence.position(),
            wanted,
        });
        let (mut late, mut asked, mut absent) = (items.collect::<Vec<_>>(), 0, Vec::new());
        // As long as an exchange brings some, what did not fit into it is asked for together again.
        while !late.is_empty() && late.len() != asked {
            asked = late.len();
            let answers = self.ask_together(&peer, &late, GetMode::Peek).await;
            let items = mem::take(&mut late).into_iter();
            match answers {
                Ok(answers) => {
                    outlet.send_all(
                        items
                            .zip(answers)
                            .filter_map(|(peek, answer)| match answer {
                                Some(answer) => {
                                    let peeked = self.peeked(&routes, peek, answer, otherwise);
                                    peeked.map_err(|wanted| absent.push(wanted)).ok()
                                }
                                None => {
                                    late.push(peek);
                                    None
                                }
                            }),
                    );
                }
                Err(_) if otherwise == Otherwise::Load => {
                    absent.extend(items.map(|peek| peek.wanted));
                }
                Err(error) => {
                    let error = Error::from(error);
                    outlet.send_all(items.map(|peek| (peek.wanted, Err(error.clone()))));
                }
            }
        }
        let late = stream::iter(late).for_each_concurrent(GETS_AT_ONCE, |peek| {
            let (routes, peer) = (Arc::clone(&routes), peer.clone());
            Arc::clone(&self).peek_alone(routes, peer, peek, otherwise, outlet.clone())
        });
        join(late, self.do_without(absent, otherwise, &outlet)).await;
    }

    async fn peek_alone(
        self: Arc<Self>,
        routes: Arc<Routes>,
        peer: Peer,
        peek: Peek,
        otherwise: Otherwise,
        outlet: Outlet,
    ) {
        let answer = self.ask(&peer, 0, &peek.wanted.key, GetMode::Peek).await;
        match self.peeked(&routes, peek, answer, otherwise) {
            Ok((wanted, result)) => outlet.send(wanted, result),
            Err(absent) => self.do_without(vec![absent], otherwise, &outlet).await,
        }
    }

    /// Takes the owner's copy. An error is the key of which there is none.
    fn peeked(
        &self,
        routes: &Routes,
        peek: Peek,
        answer: Result<Reply, peers::Error>,
        otherwise: Otherwise,
    ) -> Result<(Wanted, Result<Entry, Error>), Wanted> {
        let Peek { wanted, since } = peek;
        let entry = match answer {
            Ok(reply) => {
                caught_now(|| Ok(self.accept(&wanted.key, reply, Via::Peek, routes, since)))
            }
            Err(error) if error.is_not_found() || otherwise == Otherwise::Load => {
                return Err(wanted);
            }
            Err(error) => Err(error.into()),
        };
        Ok((wanted, entry))
    }

    /// Goes on with keys whose owners have no copies.
    async fn do_without(
        self: &Arc<Self>,
        keys: Vec<Wanted>,
        otherwise: Otherwise,
        outlet: &Outlet,
    ) {
        match otherwise {
            Otherwise::Load => Arc::clone(self).load_wanted(keys, outlet.clone()).await,
            Otherwise::NotFound => outlet.send_all(keys.into_iter().map(|wanted| {
                let error = Error::from_getter(NotFound.into());
                (wanted, Err(error))
            })),
        }
    }
}
