//! What this node has and others should have.

use std::collections::HashMap;
use std::sync::Arc;

use peers::{GetManyRequest, OfferRequest, Peer, Routes};
use tokio::task::yield_now;

use super::inner::Inner;
use crate::{Cached, Key, Source};

/// After so many entries other tasks run.
const ENTRIES_AT_A_TIME: usize = 256;

/// The most keys of one offer. The peer asks for all of them before the next one.
const KEYS_TOGETHER: usize = 512;

/// The keys of values, by the peers that should have them.
pub(crate) type Offers = Vec<(Peer, Vec<Key>)>;

/// A value that a peer should have.
pub(super) struct Offered {
    key: Key,
    bytes: usize,
    to: Peer,
    per_minute: f64,
}

impl Inner {
    /// What the member with this id should have, as it has started and its memory is empty: what it owns, of which this node
    /// may have mirrors too, and what it is to hold on standby.
    pub(crate) async fn offers_to(&self, member: &str, most_bytes: usize) -> Offers {
        let is_meant = |peer: &&Peer| peer.member().id() == member;
        let offered = self.look_for(|routes, cached| {
            let stand_in = self.stand_in(routes, &cached.key);
            routes
                .owner(&cached.key)
                .into_iter()
                .chain(stand_in)
                .find(is_meant)
        });
        self.offers_of(offered.await, most_bytes)
    }

    /// What others own from now on, since this node has left the ring. The owners of mirrors have their values.
    pub(crate) async fn offers_to_all(&self, most_bytes: usize) -> Offers {
        let offered = self.look_for(|routes, cached| {
            let owner = routes.owner(&cached.key);
            owner.filter(|owner| cached.source == Source::Main && !owner.is_self())
        });
        self.offers_of(offered.await, most_bytes)
    }

    /// The values that some peers should have: those that are asked for most first, and no more than so many bytes of them.
    pub(super) fn offers_of(&self, mut offered: Vec<Offered>, most_bytes: usize) -> Offers {
        offered.sort_by(|a, b| b.per_minute.total_cmp(&a.per_minute));
        let mut left = most_bytes;
        offered.retain(|Offered { bytes, .. }| {
            let rest = left.checked_sub(*bytes);
            left = rest.unwrap_or(left);
            rest.is_some()
        });
        by_peer(offered.into_iter().map(|Offered { to, key, .. }| (to, key)))
    }

    /// Looks at all fresh values here. `to` says which peer should have one.
    pub(super) async fn look_for(
        &self,
        to: impl for<'a> Fn(&'a Routes, &Cached) -> Option<&'a Peer>,
    ) -> Vec<Offered> {
        let routes = self.router.snapshot();
        let rates: HashMap<Key, f64> = self.rates.hottest(self.clock.now()).into_iter().collect();
        let mut offered = Vec::new();
        let (mut entries, mut looks) = (self.store.entries(), 0);
        while let Some(cached) = entries.next() {
            looks += 1;
            if cached.source != Source::Stale
                && let Some(peer) = to(&routes, &cached)
            {
                offered.push(Offered {
                    per_minute: rates.get(&cached.key).copied().unwrap_or_default(),
                    bytes: cached.value.len(),
                    to: peer.clone(),
                    key: cached.key,
                });
            }
            // Values that the iterator has in hand would stay in memory while this waits.
            if looks >= ENTRIES_AT_A_TIME && entries.size_hint().0 == 0 {
                looks = 0;
                yield_now().await;
            }
        }
        offered
    }

    /// Offers a peer keys from a place on, and moves the place on with each offer that is taken.
    pub(crate) async fn offer(
        &self,
        peer: &Peer,
        keys: &[Key],
        offered: &mut usize,
    ) -> Result<(), peers::Error> {
        while *offered < keys.len() {
            let mut bytes = 0;
            let fits = |key: &&Key| {
                bytes += key.len();
                bytes <= GetManyRequest::MAX_BYTES
            };
            let some = keys[*offered..].iter().take(KEYS_TOGETHER).take_while(fits);
            let some: Vec<&[u8]> = some.map(|key| &**key).collect();
            let offer = OfferRequest {
                member: self.router.this().id(),
                group: &self.name,
                keys: &some,
            };
            peer.offer(offer).await?;
            *offered += some.len().max(1);
        }
        Ok(())
    }

    /// The node that holds a value of this node's own on standby, if the group wants that.
    pub(super) fn stand_in<'a>(&self, routes: &'a Routes, key: &[u8]) -> Option<&'a Peer> {
        let mut owners = routes.owners(key);
        let is_own = self.standby.is_some() && owners.next()?.is_self();
        owners.next().filter(|_| is_own)
    }
}

/// The keys of each peer, in their order.
pub(super) fn by_peer(keys: impl Iterator<Item = (Peer, Key)>) -> Offers {
    let mut offers = Offers::new();
    let mut places: HashMap<Arc<str>, usize> = HashMap::new();
    for (peer, key) in keys {
        let place = match places.get(peer.member().id()) {
            Some(place) => *place,
            None => {
                places.insert(peer.member().id().into(), offers.len());
                offers.push((peer, Vec::new()));
                offers.len() - 1
            }
        };
        offers[place].1.push(key);
    }
    offers
}
