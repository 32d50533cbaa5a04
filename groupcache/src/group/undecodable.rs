//! Bytes that a typed group cannot decode are a miss: this node calls its own getter.

use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use byteview::ByteView;

use super::inner::Inner;
use crate::stats::Event;
use crate::{Entry, Error, Key};

impl Inner {
    /// Loads the value of a key here, in place of bytes that do not decode.
    ///
    /// The load asks no other node, neither the key's owner nor its former one. The bytes may be
    /// theirs: they run another version of the program, and would send them again.
    pub(crate) async fn load_in_place_of(
        self: &Arc<Self>,
        bytes: &ByteView,
        key: Key,
        reason: &impl Display,
    ) -> Result<Entry, Error> {
        self.forget_undecodable(&key, bytes, reason);
        // Another caller may have replaced the bytes meanwhile.
        let landed = self.landed(&key);
        if let Some(entry) = landed.filter(|entry| entry.value != *bytes) {
            return Ok(entry);
        }
        let load = || Arc::clone(self).call_getter_at_once(key.clone());
        let mut call = self.loads.join(key.clone(), load);
        call.detach();
        call.landing(|| self.limits.longest_load()).await
    }

    /// Forgets bytes that do not decode on this node, so that they are not found again. Other nodes
    /// keep theirs.
    pub(crate) fn forget_undecodable(&self, key: &Key, bytes: &ByteView, reason: &impl Display) {
        let (group, key_shown) = (&self.name, self.key_mask.show(key));
        // A new version of a program may meet many such values. One warning on each thread is enough.
        if self.counters.add(Event::Undecodable) == 0 {
            tracing::warn!(%group, key = %key_shown, %reason, "a value does not decode");
        } else {
            tracing::debug!(%group, key = %key_shown, %reason, "a value does not decode");
        }
        self.forget_if(key, bytes);
    }

    /// Waits for such a load no longer than `limit`.
    pub(crate) async fn within<T>(
        &self,
        limit: Duration,
        load: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        self.runtime.timeout(limit, "a get", load).await
    }

    async fn call_getter_at_once(self: Arc<Self>, key: Key) -> Result<Entry, Error> {
        let since = self.coherence.position();
        self.call_getter_or_pause(key, since).await
    }
}
