//! What this node has and others should have.

use std::collections::HashMap;

use peers::{GetManyRequest, OfferRequest, Peer, Routes};
use tokio::task::yield_now;

use super::inner::Inner;
use crate::{Cached, Key, Source};

/// After so many entries other tasks run.
const ENTRIES_AT_A_TIME: usize = 256;

/// The most keys of one offer, and the most bytes of their values, unless it is one value. The peer asks for all of them before
/// the next offer.
const KEYS_TOGETHER: usize = 512;
const BYTES_TOGETHER: usize = 4 << 20;

/// The keys of values that a peer should have, each with the bytes of the value.
pub(crate) type Copies = Vec<(Key, usize)>;

/// What each of some peers should have.
pub(crate) type Offers = Vec<(Peer, Copies)>;

/// A value that a peer should have.
struct Offered {
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
        let to = |routes: &Routes, cached: &Cached| {
            let owner = routes.owner(&cached.key).into_iter();
            let mut peers = owner.chain(self.stand_in(routes, &cached.key));
            peers.find(is_meant).cloned()
        };
        self.offers(to, most_bytes).await
    }

    /// What others answer for from now on, since this node has left the ring: the owners, or who stands in for one that cannot be
    /// reached. The owners of mirrors have their values.
    pub(crate) async fn offers_to_all(&self, most_bytes: usize) -> Offers {
        let is_reached = |peer: &&Peer| peer.circuit().is_some_and(|circuit| !circuit.is_open());
        let to = |routes: &Routes, cached: &Cached| {
            let is_own = cached.source == Source::Main;
            let mut owners = self.owners(routes, &cached.key).filter(|_| is_own);
            owners.find(is_reached).cloned()
        };
        self.offers(to, most_bytes).await
    }

    /// The fresh values here that peers should have, as `to` says: those that are asked for most first, and no more than so
    /// many bytes of them.
    pub(super) async fn offers(
        &self,
        to: impl Fn(&Routes, &Cached) -> Option<Peer>,
        most_bytes: usize,
    ) -> Offers {
        let mut offered = self.look_for(to).await;
        offered.sort_by(|a, b| b.per_minute.total_cmp(&a.per_minute));
        let mut left = most_bytes;
        offered.retain(|Offered { bytes, .. }| {
            let rest = left.checked_sub(*bytes);
            left = rest.unwrap_or(left);
            rest.is_some()
        });
        let offered = offered.into_iter();
        by_peer(offered.map(|Offered { to, key, bytes, .. }| (to, key, bytes)))
    }

    async fn look_for(&self, to: impl Fn(&Routes, &Cached) -> Option<Peer>) -> Vec<Offered> {
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
                    to: peer,
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

    /// Offers a peer copies from a place on, and moves the place on with each offer that is taken.
    pub(crate) async fn offer(
        &self,
        peer: &Peer,
        copies: &Copies,
        offered: &mut usize,
    ) -> Result<(), peers::Error> {
        while *offered < copies.len() {
            let some = together(&copies[*offered..]);
            self.offer_some(peer, some).await?;
            *offered += some.len();
        }
        Ok(())
    }

    /// One offer.
    pub(super) async fn offer_some(
        &self,
        peer: &Peer,
        copies: &[(Key, usize)],
    ) -> Result<(), peers::Error> {
        let keys: Vec<&[u8]> = copies.iter().map(|(key, _)| &**key).collect();
        let offer = OfferRequest {
            member: self.router.this().id(),
            group: &self.name,
            keys: &keys,
        };
        peer.offer(offer).await
    }

    /// The node that holds a value of this node's own on standby, if the group wants that.
    pub(super) fn stand_in<'a>(&self, routes: &'a Routes, key: &[u8]) -> Option<&'a Peer> {
        let mut owners = routes.owners(key);
        let is_own = self.standby.is_some() && owners.next()?.is_self();
        owners.next().filter(|_| is_own)
    }
}

/// The first copies, which go together in one offer.
pub(super) fn together(copies: &[(Key, usize)]) -> &[(Key, usize)] {
    let (mut of_keys, mut of_values) = (0, 0);
    let fits = |(key, bytes): &&(Key, usize)| {
        let is_first = of_keys + of_values == 0;
        of_keys += key.len();
        of_values += bytes;
        is_first || of_keys <= GetManyRequest::MAX_BYTES && of_values <= BYTES_TOGETHER
    };
    let count = copies.iter().take(KEYS_TOGETHER).take_while(fits).count();
    &copies[..count]
}

/// What each peer should have, in the order of what comes.
pub(super) fn by_peer(copies: impl Iterator<Item = (Peer, Key, usize)>) -> Offers {
    let mut offers = Offers::new();
    let mut places: HashMap<Box<str>, usize> = HashMap::new();
    for (peer, key, bytes) in copies {
        let place = match places.get(peer.member().id()) {
            Some(place) => *place,
            None => {
                places.insert(peer.member().id().into(), offers.len());
                offers.push((peer, Vec::new()));
                offers.len() - 1
            }
        };
        offers[place].1.push((key, bytes));
    }
    offers
}
