//! The gets of several keys that do not go all the way: peek, and no load by a peer.

use std::collections::HashMap;
use std::sync::Arc;

use futures_util::future::join;
use futures_util::{StreamExt as _, stream};
use peers::{GetMode, Routes};

use super::landings::{Landings, Outlet};
use super::rounds::{Keyed, ROUNDS_AT_ONCE, Round, rounds};
use crate::group::fence::Stamp;
use crate::group::inner::Inner;
use crate::lifetime::Via;
use crate::{Error, Key, NotFound};

/// A key whose owner is asked for a copy.
struct Peek {
    key: Key,
    outlet: Outlet,
    stamp: Stamp,
}

impl Keyed for Peek {
    fn key(&self) -> &[u8] {
        &self.key
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
        let mut landings = Landings::new();
        let mut outlets = HashMap::<Key, Outlet>::with_capacity(keys.len());
        for (place, key) in keys {
            match outlets.get_mut(&key) {
                Some(outlet) => landings.share(outlet, place),
                None => _ = outlets.insert(key, landings.outlet(place)),
            }
        }
        let peeks = outlets.into_iter().map(|(key, outlet)| Peek {
            stamp: self.fence.stamp_of_mirror(&key),
            key,
            outlet,
        });
        let work = Arc::clone(self).peek_at_owners(peeks.collect(), otherwise);
        self.runtime.spawn(work);
        landings
    }

    async fn peek_at_owners(self: Arc<Self>, peeks: Vec<Peek>, otherwise: Otherwise) {
        let routes = self.router.snapshot();
        let owner = |key: &[u8]| routes.owner(key).filter(|owner| !owner.is_self());
        let (rounds, own) = rounds(peeks, owner);
        let asked = stream::iter(rounds).for_each_concurrent(ROUNDS_AT_ONCE, |round| {
            Arc::clone(&self).peek_round(Arc::clone(&routes), round, otherwise)
        });
        join(asked, self.do_without(own, otherwise)).await;
    }

    async fn peek_round(
        self: Arc<Self>,
        routes: Arc<Routes>,
        round: Round<Peek>,
        otherwise: Otherwise,
    ) {
        let replies = self.ask_many(&round, GetMode::Peek).await;
        let mut absent = Vec::new();
        match replies {
            Ok(replies) => {
                for (peek, reply) in round.items.into_iter().zip(replies) {
                    match reply {
                        Ok(reply) => {
                            let Peek { key, outlet, stamp } = peek;
                            outlet.send(Ok(self.accept(&key, reply, Via::Peek, &routes, stamp)));
                        }
                        Err(error) if error.is_not_found() || otherwise == Otherwise::Load => {
                            absent.push(peek);
                        }
                        Err(error) => peek.outlet.send(Err(error.into())),
                    }
                }
            }
            Err(_) if otherwise == Otherwise::Load => absent = round.items,
            Err(error) => {
                let error = Error::from(error);
                for peek in round.items {
                    peek.outlet.send(Err(error.clone()));
                }
            }
        }
        self.do_without(absent, otherwise).await;
    }

    /// Goes on with keys whose owners have no copies.
    async fn do_without(self: &Arc<Self>, peeks: Vec<Peek>, otherwise: Otherwise) {
        if otherwise == Otherwise::NotFound {
            for peek in peeks {
                peek.outlet.send(Err(Error::from_getter(NotFound.into())));
            }
            return;
        }
        let keys = peeks.iter().map(|peek| peek.key.clone());
        let mut loads = self.load_many(keys.enumerate().collect());
        let mut peeks: Vec<_> = peeks.into_iter().map(Some).collect();
        while let Some((place, result)) = loads.next().await {
            if let Some(peek) = peeks[place].take() {
                peek.outlet.send(result);
            }
        }
    }
}
