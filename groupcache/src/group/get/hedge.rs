//! Within step 3: a second question, when the owner takes longer than it mostly does.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use peers::{GetMode, Peer, Reply, Routes};
use tokio::time::{Instant, sleep};

use crate::Key;
use crate::group::hedges::Hedges;
use crate::group::inner::Inner;
use crate::stats::Event;

/// Timers are no finer than this.
const SHORTEST_WAIT: Duration = Duration::from_millis(1);

/// How a fetch is hedged.
pub(super) struct Hedge<'a> {
    hedges: &'a Hedges,
    /// The peer that is asked for a copy when the owner is slow.
    stand_in: &'a Peer,
    /// How long the owner is waited for first.
    wait: Duration,
}

impl Inner {
    /// How a fetch from this owner is hedged; `None` if it is not.
    pub(super) fn hedge<'a>(
        &'a self,
        routes: &'a Routes,
        owner: &Peer,
        key: &Key,
    ) -> Option<Hedge<'a>> {
        let hedges = self.hedges.as_ref()?;
        hedges.note_fetch();
        let stand_in = self.owners(routes, key).nth(1)?;
        let may_ask = stand_in.circuit().is_some_and(|circuit| !circuit.is_open());
        let wait = owner.fetch_time(hedges.share)?;
        may_ask.then_some(Hedge {
            hedges,
            stand_in,
            wait: wait.max(SHORTEST_WAIT),
        })
    }

    /// Asks a key's owner, and after a while also the node that has a copy on standby. The first answer with a value counts. What
    /// the stand-in lacks is not loaded there.
    pub(super) async fn ask_with_hedge(
        self: &Arc<Self>,
        owner: &Peer,
        key: &Key,
        hedge: Hedge<'_>,
    ) -> Result<Reply, peers::Error> {
        let begun = Instant::now();
        let mut answer = pin!(self.ask(owner, 0, key, GetMode::Load));
        tokio::select! {
            biased;
            answer = &mut answer => return answer,
            () = sleep(hedge.wait) => {}
        }
        if !hedge.hedges.take() {
            return answer.await;
        }
        self.counters.add(Event::Hedge);
        let copy = self.ask(hedge.stand_in, 1, key, GetMode::Peek);
        tokio::select! {
            biased;
            answer = &mut answer => return answer,
            copy = copy => if let Ok(reply) = copy && self.freshness.life_of(reply.expiry) != Some(Duration::ZERO) {
                // Otherwise the owner would seem to be as quick as it is at its best.
                owner.note_abandoned_fetch(begun.elapsed());
                return Ok(reply);
            }
        }
        answer.await
    }
}
