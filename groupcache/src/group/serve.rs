//! Step 6, serving a peer: lookup, then the load flight. Never a fetch flight, never forwarded, so
//! that two nodes that disagree about the ring cannot wait for each other.

use std::sync::Arc;

use peers::{GetMode, Reply};

use super::inner::Inner;
use crate::lifetime::wall_clock;
use crate::stats::Event;
use crate::{Entry, Error, Key, NotFound};

impl Inner {
    /// Answers a peer.
    pub(crate) async fn serve(self: &Arc<Self>, key: &[u8], mode: GetMode) -> Result<Reply, Error> {
        self.counters.add(Event::PeerGet);
        let found = self.store.get(key);
        if mode == GetMode::Peek {
            return found
                .map(|entry| self.reply(entry))
                .ok_or_else(|| Error::from_getter(NotFound.into()));
        }
        let entry = match found {
            Some(entry) => {
                if !self.is_fresh(&entry) {
                    self.reload(key);
                }
                entry
            }
            None => self.load(Key::from(key)).await?,
        };
        Ok(self.reply(entry))
    }

    fn reply(&self, entry: Entry) -> Reply {
        let expires_at =
            entry.fresh_until.map(|instant| wall_clock(instant, self.clock.now()));
        Reply { value: entry.value, expires_at, minute_qps: None }
    }
}
