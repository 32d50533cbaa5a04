//! Step 6, serving a peer: lookup, then the load flight. Never a fetch flight, never forwarded, so
//! that two nodes that disagree about the ring cannot wait for each other.

use std::sync::Arc;

use peers::{Changes, GetMode, LogPosition, Reply, SetRequest};

use super::inner::Inner;
use crate::lifetime::wall_clock;
use crate::rates::Rate;
use crate::stats::Event;
use crate::{Entry, Error, Key, NotFound, Value};

impl Inner {
    /// Answers a peer.
    pub(crate) async fn serve(self: &Arc<Self>, key: &[u8], mode: GetMode) -> Result<Reply, Error> {
        self.counters.add(Event::PeerGet);
        let found = self.store.get(key);
        if mode == GetMode::Peek {
            return found
                .map(|entry| self.reply(entry, None))
                .ok_or_else(|| Error::from_getter(NotFound.into()));
        }
        let rate = (mode == GetMode::Load).then(|| self.asked_for(key, 1.0));
        let entry = match found {
            Some(entry) => {
                if !self.is_fresh(entry.fresh_until) {
                    self.reload(key);
                }
                entry
            }
            None => {
                let key = Key::from(key);
                self.check_keys(std::slice::from_ref(&key))?;
                self.load(key).await?
            }
        };
        Ok(match mode {
            GetMode::WarmUp => Reply::default(),
            _ => self.reply(entry, rate),
        })
    }

    /// Takes a value from a peer who thinks that this node owns it.
    pub(crate) fn serve_set(&self, request: &SetRequest<'_>) -> Result<(), Error> {
        let key = Key::from(request.key);
        self.check_keys(std::slice::from_ref(&key))?;
        self.check_value("a value", &request.value)?;
        let value = Value::from(request.value.clone());
        self.set_here(
            key,
            match request.expires_at {
                Some(moment) => value.expires_at(moment),
                None => value,
            },
            request.phase,
        );
        Ok(())
    }

    /// Tells a peer what has changed.
    pub(crate) fn changes(&self, since: LogPosition) -> Changes {
        self.log.since(since)
    }

    fn reply(&self, entry: Entry, rate: Option<Rate>) -> Reply {
        let expires_at = entry
            .fresh_until
            .map(|instant| wall_clock(instant, self.clock.now()));
        Reply {
            value: entry.value,
            expires_at,
            minute_qps: rate.map(|rate| rate.per_minute),
            log: Some(self.log.position()),
        }
    }
}
