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
        let mode = request.mode;
        let rate = (mode == GetMode::Load).then(|| self.count_request(request.key, 1.0));
        let entry = match self.serve_from_memory(request.key, mode) {
            Some(found) => found?,
            None => {
                let key = Key::from(request.key);
                self.check_keys(slice::from_ref(&key))?;
                self.load(key).await?
            }
        };
        Ok(match mode {
            GetMode::WarmUp => Reply::default(),
            _ => Reply {
                log: Some(self.coherence.position()),
                ..self.reply(entry, rate)
            },
        })
    }

    /// The answer from memory, which a peek always has. A stale value is loaded again, in the background.
    pub(super) fn serve_from_memory(
        self: &Arc<Self>,
        key: &[u8],
        mode: GetMode,
    ) -> Option<Result<Entry, Error>> {
        self.counters.add(Event::PeerGet);
        let found = self.store.get(key);
        if mode == GetMode::Peek {
            return Some(found.ok_or_else(|| Error::from_getter(NotFound.into())));
        }
        let entry = found?;
        if !self.is_fresh(entry.fresh_until) {
            self.reload(key);
        }
        Some(Ok(entry))
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

    /// A reply with this value, without a position in the change log.
    pub(super) fn reply(&self, entry: Entry, rate: Option<Rate>) -> Reply {
        let expires_at = entry
            .fresh_until
            .map(|instant| wall_clock(instant, self.clock.now()));
        Reply {
            value: entry.value,
            expires_at,
            minute_qps: rate.map(|rate| rate.per_minute),
            log: None,
        }
    }
}
