//! The requests of peers: get, set, remove, clear, and the pull of the change log.
//!
//! Step 6 of the get path: a peer's get looks up, then joins the load flight. It never joins a fetch
//! flight and is never forwarded, so that two nodes that disagree about the ring cannot wait for each
//! other.

use std::slice;
use std::sync::Arc;

use peers::{
    Changes, ChangesRequest, GetMode, GetRequest, Phase, RemoveRequest, Reply, SetRequest,
};

use super::inner::Inner;
use crate::lifetime::wall_clock;
use crate::rates::Rate;
use crate::stats::Event;
use crate::{Entry, Error, Key, NotFound, Value};

impl Inner {
    /// Answers a get.
    pub(crate) async fn serve_get(
        self: &Arc<Self>,
        request: &GetRequest<'_>,
    ) -> Result<Reply, Error> {
        if let Some(answer) = self.serve_cached(request) {
            return answer;
        }
        self.counters.add(Event::PeerGet);
        let rate = self.rate_of(request);
        let key = Key::from(request.key);
        self.check_keys(slice::from_ref(&key))?;
        let entry = self.load(key).await?;
        Ok(self.reply_to(request, entry, rate))
    }

    /// Answers a get from memory, or says that there is nothing to be had without a load.
    pub(crate) fn serve_cached(
        self: &Arc<Self>,
        request: &GetRequest<'_>,
    ) -> Option<Result<Reply, Error>> {
        let Some(entry) = self.store.get(request.key) else {
            if request.mode != GetMode::Peek {
                return None;
            }
            self.counters.add(Event::PeerGet);
            return Some(Err(Error::from_getter(NotFound.into())));
        };
        self.counters.add(Event::PeerGet);
        let rate = self.rate_of(request);
        if request.mode != GetMode::Peek && !self.is_fresh(entry.fresh_until) {
            self.reload(request.key);
        }
        Some(Ok(self.reply_to(request, entry, rate)))
    }

    /// Counts the request, and tells the key's rate. Only a load counts.
    fn rate_of(&self, request: &GetRequest<'_>) -> Option<Rate> {
        (request.mode == GetMode::Load).then(|| self.count_request(request.key, 1.0))
    }

    /// Takes a value from a peer that regards this node as the key's owner.
    pub(crate) fn serve_set(&self, request: &SetRequest<'_>) -> Result<(), Error> {
        let key = Key::from(request.key);
        self.check_keys(slice::from_ref(&key))?;
        self.check_value("a value", &request.value)?;
        let value = Value::from(request.value.clone());
        let value = match request.expires_at {
            Some(moment) => value.expires_at(moment),
            None => value,
        };
        self.set_here(key, value, request.phase);
        Ok(())
    }

    /// Removes keys that a peer removes everywhere.
    pub(crate) fn serve_remove(&self, request: &RemoveRequest<'_>) {
        self.remove_here(request.keys, request.phase);
    }

    /// Clears the group, as a peer does everywhere.
    pub(crate) fn serve_clear(&self, phase: Phase) {
        self.clear_here(phase);
    }

    /// Reads this node's change log to a peer.
    pub(crate) fn serve_changes(&self, request: &ChangesRequest<'_>) -> Changes {
        self.coherence.changes_since(request.since)
    }

    fn reply_to(&self, request: &GetRequest<'_>, entry: Entry, rate: Option<Rate>) -> Reply {
        if request.mode == GetMode::WarmUp {
            return Reply::default();
        }
        let expires_at = entry
            .fresh_until
            .map(|instant| wall_clock(instant, self.clock.now()));
        Reply {
            value: entry.value,
            expires_at,
            minute_qps: rate.map(|rate| rate.per_minute),
            log: Some(self.coherence.position()),
        }
    }
}
