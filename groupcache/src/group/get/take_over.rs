//! Within step 5: copies that other nodes have of what this node is to own.

use std::pin::pin;
use std::sync::Arc;

use peers::{GetMode, GetRequest, Peer, Reply};

use crate::group::inner::Inner;
use crate::lifetime::Via;
use crate::stats::Event;
use crate::store::Tier;
use crate::trace::{asking, spans};
use crate::{Entry, Key, Source};

impl Inner {
    /// Right after a change of the membership, the key's former owners are likely to have the value.
    /// This asks one after the other for a copy, each for a short time, and never for a load.
    pub(in crate::group) async fn take_over(
        self: &Arc<Self>,
        former: &[Peer],
        key: &Key,
        since: u64,
    ) -> Option<Entry> {
        for peer in former {
            let entry = self.take_over_from(peer, key, since).await;
            if entry.is_some() {
                return entry;
            }
        }
        None
    }

    async fn take_over_from(&self, former: &Peer, key: &Key, since: u64) -> Option<Entry> {
        let known = &*self.coherence.known(&self.name, key);
        let trust = self.trust(former).ok()?;
        let request = GetRequest {
            group: &self.name,
            key,
            mode: GetMode::Peek,
            known,
        };
        let span = spans::fetch(self.traced(), key, former.member(), 0, "hand-over");
        let asked = pin!(former.get(request));
        let asked = asking(span, asked);
        let reply = tokio::time::timeout(self.limits.peek_timeout, asked).await;
        let Ok(reply) = reply else {
            self.router.pause_former(former);
            return None;
        };
        let reply = reply.ok()?;
        self.trust_reply(former, trust, reply.state).ok()?;
        self.take(key, reply, since)
    }

    /// Keeps a copy of another node's as this node's own, if it is fresh.
    pub(in crate::group) fn take(&self, key: &Key, reply: Reply, since: u64) -> Option<Entry> {
        let now = self.clock.now();
        let lifetime = self.freshness.of_reply(reply.expiry, Via::Peek, now);
        let entry = Entry {
            value: reply.value.compact(),
            source: Source::Peer,
            fresh_until: lifetime.fresh_until,
        };
        if entry.fresh_until.is_some_and(|until| until <= now) {
            return None;
        }
        self.absences.clear(key);
        self.counters.add(Event::TakenOver);
        self.store_since(since, key, entry.value.clone(), Tier::Main, lifetime);
        Some(entry)
    }
}
