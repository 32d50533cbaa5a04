//! Step 2, the fetch flight: one for all local callers that miss the same key.

use std::pin::pin;
use std::sync::Arc;

use peers::GetMode;

use super::outcome::OutcomeGuard;
use crate::group::flights::Call;
use crate::group::inner::Inner;
use crate::lifetime::Via;
use crate::trace::{recorded, spans};
use crate::{Entry, Error, Key};

impl Inner {
    /// Joins the fetch flight of the key, and waits for it. Counts the outcome, also when the caller goes
    /// away before there is one.
    pub(in crate::group) async fn miss(self: Arc<Self>, key: Key) -> Result<Entry, Error> {
        let span = spans::get(self.traced(), &key, "load");
        let work = async {
            let outcome = OutcomeGuard::new(&self);
            outcome.record(match self.check_key(&key) {
                Ok(()) => {
                    let longest = || self.longest_get(&key);
                    let result = self.join_fetch(key.clone()).landing(longest).await;
                    result.or_else(|error| self.or_last_resort(&key, error))
                }
                Err(error) => Err(error),
            })
        };
        recorded(span, pin!(work)).await
    }

    pub(in crate::group) fn join_fetch(self: &Arc<Self>, key: Key) -> Call {
        self.fetches
            .join(key.clone(), || Arc::clone(self).fetch(key))
    }

    /// The work of a fetch flight: gets the value from the key's owners, or loads it here when this
    /// node owns the key or no owner answers.
    pub(super) async fn fetch(self: Arc<Self>, key: Key) -> Result<Entry, Error> {
        let since = self.coherence.position();
        if let Some(entry) = self.landed(&key) {
            return Ok(entry);
        }
        // Boxed, because a flight of an own key should not carry the room for an exchange: its
        // allocation would be of a size that, once freed, small values settle in, and the next
        // flight needs another one.
        if !self.owns(&key)
            && let Some(answer) = Box::pin(self.fetch_from_owners(&key, since)).await
        {
            self.note_answer(&key, since, &answer);
            return answer;
        }
        if self.counts_requests() {
            self.count_request(&key, 1.0);
        }
        // Without the task of a load: a value on disk is there soon, or not at all.
        #[cfg(feature = "disk")]
        if let Some(entry) = self.load_from_disk(&key, since).await {
            return Ok(entry);
        }
        self.load(key).await
    }

    /// The value from the first of the key's owners that answers; `None` if it is this node's turn.
    async fn fetch_from_owners(
        self: &Arc<Self>,
        key: &Key,
        since: u64,
    ) -> Option<Result<Entry, Error>> {
        let routes = self.router.snapshot();
        let answer = self.ask_owners(&routes, key, GetMode::Load).await?;
        Some(answer.map(|reply| self.accept(key, reply, Via::Fetch, &routes, since)))
    }
}
