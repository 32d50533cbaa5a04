//! What this node has and others should have.

use std::collections::HashMap;

use peers::Peer;
use tokio::task::yield_now;

use super::inner::Inner;
use crate::{Key, Source};

/// After so many entries other tasks run.
const ENTRIES_AT_A_TIME: usize = 256;

/// A value to be offered.
struct Offered {
    key: Key,
    bytes: usize,
    owner: Peer,
    per_minute: f64,
}

impl Inner {
    /// The keys of values here that other nodes own, by their owners: those that are asked for most first, and no more than
    /// have so many bytes of values. With `only`, those of the member with this id, of which this node may have mirrors.
    pub(crate) async fn owned_by_others(
        &self,
        only: Option<&str>,
        most_bytes: usize,
    ) -> Vec<(Peer, Vec<Key>)> {
        let mut offered = self.look_for(only).await;
        offered.sort_by(|a, b| b.per_minute.total_cmp(&a.per_minute));
        let mut left = most_bytes;
        let mut of_owners: Vec<(Peer, Vec<Key>)> = Vec::new();
        let mut places: HashMap<String, usize> = HashMap::new();
        for Offered {
            key, bytes, owner, ..
        } in offered
        {
            let Some(rest) = left.checked_sub(bytes) else {
                continue;
            };
            left = rest;
            let place = *places
                .entry(owner.member().id().to_owned())
                .or_insert(of_owners.len());
            match of_owners.get_mut(place) {
                Some((_, keys)) => keys.push(key),
                None => of_owners.push((owner, vec![key])),
            }
        }
        of_owners
    }

    async fn look_for(&self, only: Option<&str>) -> Vec<Offered> {
        let routes = self.router.snapshot();
        let rates: HashMap<Key, f64> = self.rates.hottest(self.clock.now()).into_iter().collect();
        let mut offered = Vec::new();
        let (mut entries, mut looks) = (self.store.entries(), 0);
        while let Some(cached) = entries.next() {
            looks += 1;
            let owner = routes.owner(&cached.key).filter(|owner| !owner.is_self());
            let is_meant = |owner: &&Peer| match only {
                Some(id) => owner.member().id() == id,
                // The owner of a mirror has the value.
                None => cached.source == Source::Main,
            };
            if cached.source != Source::Stale
                && let Some(owner) = owner.filter(is_meant)
            {
                offered.push(Offered {
                    per_minute: rates.get(&cached.key).copied().unwrap_or_default(),
                    bytes: cached.value.len(),
                    owner: owner.clone(),
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
}
