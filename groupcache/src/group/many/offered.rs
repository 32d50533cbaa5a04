//! Step 6 for several keys whose values a peer offers.

use std::sync::Arc;

use peers::{GetMode, Peer, Reply};

use super::rounds::Keyed;
use crate::group::inner::Inner;
use crate::{Cached, Key};

/// A key that this node answers for, and has no value of or an old one.
struct Lacking {
    key: Key,
    since: u64,
}

impl Keyed for Lacking {
    fn key(&self) -> &[u8] {
        &self.key
    }
}

impl Inner {
    /// Takes copies of what a peer offers, as far as this node answers for the keys and has no values of them, or old ones. What it
    /// has on disk, or had before it started, it finds there, or asks former owners for it.
    pub(crate) async fn take_offered(
        self: &Arc<Self>,
        peer: &Peer,
        keys: &[&[u8]],
    ) -> Result<(), peers::Error> {
        let keys = keys.iter().filter(|key| self.lacks(key));
        let lacking = keys.map(|key| Lacking {
            key: Key::from(*key),
            since: self.coherence.position(),
        });
        let (mut late, mut asked) = (lacking.collect::<Vec<_>>(), 0);
        // As long as an exchange brings some, what did not fit into it is asked for again.
        while !late.is_empty() && late.len() != asked {
            asked = late.len();
            let answers = self.ask_as_owner(peer, &late, GetMode::Peek).await?;
            let mut answers = answers.into_iter();
            late.retain(|Lacking { key, since }| match answers.next().flatten() {
                Some(Ok(reply)) => {
                    // A load may have been faster, and its value is newer.
                    if self.lacks(key) && self.is_fresher(&reply, key) {
                        self.take(key, reply, *since);
                    }
                    false
                }
                Some(Err(_)) => false,
                None => true,
            });
        }
        // What does not fit into an answer beside others, or at all.
        for Lacking { key, since } in late {
            let reply = self.ask(peer, 0, &key, GetMode::Peek).await;
            if let Ok(reply) = reply
                && self.lacks(&key)
                && self.is_fresher(&reply, &key)
            {
                self.take(&key, reply, since);
            }
        }
        Ok(())
    }

    /// Whether a peer's copy lives longer than what this node has.
    fn is_fresher(&self, reply: &Reply, key: &[u8]) -> bool {
        let held = self.store.inspect(key).and_then(|held| held.fresh_for);
        match (held, self.freshness.life_of(reply.expiry)) {
            (Some(held), Some(life)) => life > held,
            _ => true,
        }
    }

    fn lacks(&self, key: &[u8]) -> bool {
        // The peer may have refreshed its value ahead of its end.
        let ahead = self.freshness.aging.refresh_ahead;
        let is_old = |cached: Cached| cached.fresh_for.is_some_and(|left| left <= ahead);
        self.answers_for(key)
            && self.store.inspect(key).is_none_or(is_old)
            && !self.store.is_below(key)
    }
}
