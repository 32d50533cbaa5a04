use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;

use super::landings::{Outlet, Wanted};
use super::rounds::Keyed;
use crate::group::flights::{Call, Claim, Flights, Landing};
use crate::group::inner::Inner;
use crate::panics::caught_now;
use crate::{Entry, Error, Key};

/// A key whose flight this call has claimed, because its work begins now. Dropping it abandons the flight.
pub(super) struct Claimed {
    wanted: Wanted,
    landing: Landing,
    pub(super) since: u64,
}

impl Claimed {
    pub(super) fn key(&self) -> &Key {
        &self.wanted.key
    }

    /// Ends the flight for all who have joined. Returns the key, whose outcome is to be sent to this call.
    fn landed(self, result: &Result<Entry, Error>) -> Wanted {
        self.landing.land(result);
        self.wanted
    }
}

impl Outlet {
    /// Ends the flight: this call and all who have joined get the result.
    pub(super) fn land(&self, claimed: Claimed, result: Result<Entry, Error>) {
        self.send(claimed.landed(&result), result);
    }

    /// The same for several keys of one call, which gets their results together.
    pub(super) fn land_all(
        &self,
        results: impl IntoIterator<Item = (Claimed, Result<Entry, Error>)>,
    ) {
        let results = results.into_iter();
        self.send_all(results.map(|(claimed, result)| (claimed.landed(&result), result)));
    }
}

impl Keyed for Claimed {
    fn key(&self) -> &[u8] {
        &self.wanted.key
    }
}

impl Inner {
    /// Claims the flights of the next keys, whose work has to begin at once: whoever asks for one of them from now
    /// on waits for that work. Returns at most so many, and fewer only when no keys are left.
    ///
    /// Keys that others have under way get their results from there, and keys that are in memory by now from there.
    pub(super) fn claim(
        self: &Arc<Self>,
        flights: &Flights,
        keys: &mut impl Iterator<Item = Wanted>,
        most: usize,
        outlet: &Outlet,
    ) -> Vec<Claimed> {
        let expected = most.min(keys.size_hint().0);
        let (mut claims, mut joined) = (Vec::with_capacity(expected), Vec::new());
        let since = self.coherence.position();
        while claims.len() < most
            && let Some(wanted) = keys.next()
        {
            match flights.claim(wanted.key.clone()) {
                Claim::Mine(landing) => {
                    let landed = caught_now(|| Ok(self.landed(&wanted.key)));
                    let claimed = Claimed {
                        wanted,
                        landing,
                        since,
                    };
                    match landed.transpose() {
                        Some(result) => outlet.land(claimed, result),
                        None => claims.push(claimed),
                    }
                }
                Claim::Joined(call) => joined.push((wanted, call)),
                Claim::Refused(error) => outlet.send(wanted, Err(error)),
            }
        }
        if !joined.is_empty() {
            self.runtime.spawn(wait_for(joined, outlet.clone()));
        }
        claims
    }
}

/// Gives flights up whose keys have to wait for their turn: the next who asks for one of them begins another.
/// Those who have joined meanwhile wait.
pub(super) fn unclaim(claims: &mut [Claimed]) {
    for claimed in claims {
        claimed.landing.give_up();
    }
}

/// Waits for the results of flights that others have begun.
async fn wait_for(joined: Vec<(Wanted, Call)>, outlet: Outlet) {
    let most = joined.len();
    let joined = joined.into_iter().map(|(wanted, call)| async move {
        // A task of the node's runtime needs no limit of its own.
        (wanted, call.landing(|| Duration::MAX).await)
    });
    let landed = joined.collect::<FuturesUnordered<_>>().ready_chunks(most);
    landed
        .for_each(async |landed| outlet.send_all(landed))
        .await;
}
