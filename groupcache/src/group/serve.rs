//! The requests of peers: get, set, remove and clear.
//!
//! Step 6 of the get path: a peer's get looks up, then joins the load flight. It never joins a fetch
//! flight and is never forwarded, so that two nodes that disagree about the ring cannot wait for each
//! other.

use std::sync::Arc;
use std::time::Instant;

use peers::{GetMode, GetRequest, RemoveRequest, Reply, SetRequest, Stamp};

use super::change::Change;
use super::inner::Inner;
use crate::rates::Rate;
use crate::stats::Event;
use crate::store::HitInfo;
use crate::value::Expiry;
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
        let rate = self.rate_of(request.key, request.mode);
        let key = Key::from(request.key);
        self.check_key(&key)?;
        let loaded = self.load(key.clone()).await;
        let mode = request.mode;
        let entry = loaded.or_else(|error| self.or_last_resort_of_peer(&key, mode, error))?;
        Ok(self.reply_to(request, entry, rate))
    }

    /// Answers a get from memory, which a peek always can. `None` if it takes a load; then nothing was counted.
    pub(crate) fn serve_cached(
        self: &Arc<Self>,
        request: &GetRequest<'_>,
    ) -> Option<Result<Reply, Error>> {
        if !request.known.is_empty() {
            self.make_known(request.key, request.known);
        }
        let found = self.from_memory(request.key, request.mode)?;
        self.counters.add(Event::PeerGet);
        Some(found.map(|entry| {
            let rate = self.rate_of(request.key, request.mode);
            self.reply_to(request, entry, rate)
        }))
    }

    /// The entry in memory, of which a peek says too that there is none. A value that is stale, or about to be, is
    /// loaded again in the background.
    pub(super) fn from_memory(
        self: &Arc<Self>,
        key: &[u8],
        mode: GetMode,
    ) -> Option<Result<Entry, Error>> {
        let mut info = HitInfo::default();
        let found = self.store.view(key, &mut info);
        if mode == GetMode::Peek {
            let found = found.map(|value| info.entry(value));
            return Some(found.ok_or_else(|| Error::from_getter(NotFound.into())));
        }
        let value = found?;
        if info.is_due {
            self.reload(key);
        }
        Some(Ok(info.entry(value)))
    }

    /// Counts the request, and tells the key's rate. Only a load counts.
    fn rate_of(&self, key: &[u8], mode: GetMode) -> Option<Rate> {
        self.rate_at(key, mode, self.clock.now())
    }

    /// The same for a request of this moment.
    pub(super) fn rate_at(&self, key: &[u8], mode: GetMode, now: Instant) -> Option<Rate> {
        (mode == GetMode::Load).then(|| self.rates.count(key, 1.0, now))
    }

    fn reply_to(&self, request: &GetRequest<'_>, entry: Entry, rate: Option<Rate>) -> Reply {
        match request.mode {
            GetMode::WarmUp => Reply::default(),
            _ => Reply {
                state: Some(self.coherence.node_state()),
                ..self.reply(entry, rate)
            },
        }
    }

    /// Takes a value from a peer that regards this node as the key's owner.
    pub(crate) async fn serve_set(self: &Arc<Self>, request: &SetRequest<'_>) -> Result<(), Error> {
        let key = Key::from(request.key);
        self.check_key(&key)?;
        self.check_value("a value", &request.value)?;
        let expiry = request.expiry.map(Expiry::from).unwrap_or_default();
        let value = Value::with_expiry(request.value.clone(), expiry);
        let since = self.coherence.position();
        // The value is newer than these. One of them that arrives later must not take it out.
        self.make_known(request.key, request.known);
        self.set_here(key.clone(), value, request.stamp, request.known);
        let removal = || Change::Remove(Arc::new([key]));
        self.relay(removal, request.stamp, since).await;
        Ok(())
    }

    /// Removes keys that a peer removes everywhere.
    pub(crate) async fn serve_remove(self: &Arc<Self>, request: &RemoveRequest<'_>) {
        let since = self.coherence.position();
        self.remove_here(request.keys, request.stamp);
        let keys = || request.keys.iter().map(|key| Key::from(*key)).collect();
        let removal = || Change::Remove(keys());
        self.relay(removal, request.stamp, since).await;
    }

    /// Clears the group, as a peer does everywhere.
    pub(crate) async fn serve_clear(self: &Arc<Self>, stamp: Option<Stamp>) {
        let since = self.coherence.position();
        self.clear_here(stamp);
        self.relay(|| Change::Clear, stamp, since).await;
    }

    /// A reply with this value, to be handed over at once.
    pub(super) fn reply(&self, entry: Entry, rate: Option<Rate>) -> Reply {
        let life = |until: Instant| until.saturating_duration_since(self.clock.now());
        let life = entry.fresh_until.map(life);
        Reply {
            value: entry.value,
            expiry: life.map(peers::Expiry::In),
            minute_qps: rate.map(|rate| rate.per_minute),
            state: None,
        }
    }
}
