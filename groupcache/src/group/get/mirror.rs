//! Step 4, the reply of a key's owner: whether this node keeps a mirror of the value.

use std::time::Instant;

use byteview::ByteView;
use peers::{Reply, Routes};

use crate::group::inner::Inner;
use crate::lifetime::Via;
use crate::promoter::Candidate;
use crate::store::Tier;
use crate::{Entry, Key, Source};

impl Inner {
    /// Takes a value that came from its owner, and mirrors it if the promoter says so and the key has not changed
    /// `since` this node began to ask.
    pub(in crate::group) fn accept(
        &self,
        key: &Key,
        reply: Reply,
        via: Via,
        routes: &Routes,
        since: u64,
    ) -> Entry {
        self.accept_at(self.clock.now(), key, reply, via, routes, since)
    }

    /// The same for a value that came just before this moment.
    pub(in crate::group) fn accept_at(
        &self,
        now: Instant,
        key: &Key,
        reply: Reply,
        via: Via,
        routes: &Routes,
        since: u64,
    ) -> Entry {
        self.measures.value_sizes.record(reply.value.len() as u64);
        let lifetime = self.freshness.of_reply(reply.expiry, via, now);
        let candidate = Candidate {
            key,
            value: &reply.value,
            owner_minute_qps: reply.minute_qps,
            local: self.rates.count(key, 1.0, now),
            members: routes.peers().len(),
            store: &self.store,
        };
        // A mirror that is being refreshed has been promoted before.
        let promoted = || self.store.get(key).is_some() || self.promoter.promote(&candidate);
        let mirrored = lifetime.is_kept(now) && promoted();
        let mut value = reply.value;
        if mirrored {
            // The value is a slice of a network buffer, which the mirror must not keep alive.
            value = value.compact();
            self.store_since(since, key, value.clone(), self.tier_of_copy(key), lifetime);
        } else if (self.has_last_resort() || !lifetime.is_kept(now))
            && self.holds_another(key, &value)
        {
            // An older value should not come back when the owner is gone. A stale answer may be the very value that is here.
            self.store.remove(key);
        }
        Entry {
            value,
            source: Source::Peer,
            fresh_until: lifetime.fresh_until,
        }
    }

    /// A copy on standby stays one when this node fetches it itself.
    fn tier_of_copy(&self, key: &[u8]) -> Tier {
        match self.standby.is_some() && self.answers_for(key) {
            true => Tier::Main,
            false => Tier::Hot,
        }
    }

    fn holds_another(&self, key: &[u8], value: &ByteView) -> bool {
        let held = self.store.last_resort(key);
        held.is_some_and(|held| held.value != *value)
    }
}
