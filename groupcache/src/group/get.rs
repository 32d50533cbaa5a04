//! The get path of a local caller: lookup, fetch flight, route.

use std::slice;
use std::sync::Arc;
use std::time::Instant;

use byteview::ByteView;
use peers::{GetMode, GetRequest, Reply};

use super::counted::Counted;
use super::fence::Stamp;
use super::flights::Call;
use super::inner::Inner;
use crate::lifetime::Reached;
use crate::promoter::Candidate;
use crate::rates::Rate;
use crate::stats::Event;
use crate::store::{About, Tier};
use crate::{Entry, Error, Key, NotFound, Source};

/// Of so many hits one is counted for all.
const SAMPLE: f32 = 16.0;

/// Whether the nth of the hits is a sample. Multiples of the golden ratio are spread evenly over the
/// circle, whatever the stride, so that a loop over any number of keys is sampled fairly.
fn is_sample(nth: u64) -> bool {
    nth.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 60 == 0
}

impl Inner {
    /// Step 1, lookup: the value from memory, if it is there. Counts a hit. A stale value's
    /// successor is sent for in the background.
    #[inline]
    pub(super) fn lookup(self: &Arc<Self>, key: &[u8]) -> Option<ByteView> {
        let mut about = About::default();
        let value = self.look(key, &mut about);
        if about.source == Source::Stale {
            self.refresh(key);
        }
        value
    }

    /// As [`lookup`](Self::lookup), with the rest of the entry.
    pub(super) fn lookup_entry(self: &Arc<Self>, key: &[u8]) -> Option<Entry> {
        let entry = self.glance(key)?;
        if entry.source == Source::Stale {
            self.refresh(key);
        }
        Some(entry)
    }

    /// As [`lookup_entry`](Self::lookup_entry), and leaves a stale value at that.
    pub(super) fn glance(&self, key: &[u8]) -> Option<Entry> {
        let mut about = About::default();
        let value = self.look(key, &mut about)?;
        Some(about.entry(value))
    }

    #[inline]
    fn look(&self, key: &[u8], about: &mut About) -> Option<ByteView> {
        let value = self.store.view(key, about);
        if value.is_some() {
            if !self.is_fresh(about.fresh_until) {
                about.source = Source::Stale;
            }
            let nth = self.counters.add(Event::of(about.source));
            if is_sample(nth) {
                self.sampled(key);
            }
        }
        value
    }

    /// Counts a hit that stands for several, if there are peers who might want to know.
    #[cold]
    fn sampled(&self, key: &[u8]) {
        if self.router.routes().peers().len() > 1 {
            self.asked_for(key, SAMPLE);
        }
    }

    /// Counts a request for the key, or one that stands for several.
    pub(super) fn asked_for(&self, key: &[u8], requests: f32) -> Rate {
        self.rates.count(key, requests, self.clock.now())
    }

    /// The value from memory if it is fresh: what a flight looks for when it takes off, because
    /// another one may have landed between its caller's miss and its joining. (A misses, B misses,
    /// A's flight stores and ends, B starts the next.) Counts nothing.
    pub(super) fn landed(&self, key: &[u8]) -> Option<Entry> {
        let is_fresh = |entry: &Entry| self.is_fresh(entry.fresh_until);
        self.store.get(key).filter(is_fresh)
    }

    /// Reads the clock only if the value ages at all.
    #[inline]
    pub(super) fn is_fresh(&self, until: Option<Instant>) -> bool {
        until.is_none_or(|instant| self.clock.now() < instant)
    }

    /// Starts a flight for a stale value's successor, unless one is under way, and does not wait.
    fn refresh(self: &Arc<Self>, key: &[u8]) {
        if !self.fetches.contains(key) {
            drop(self.join_fetch(Key::from(key)));
        }
    }

    /// Step 2, fetch flight: waits with all others who miss the same key. Counts what came of it,
    /// also when the caller goes away before.
    pub(super) async fn miss(self: &Arc<Self>, key: Key) -> Result<Entry, Error> {
        let counted = Counted::new(&self.counters);
        counted.with(match self.check_keys(slice::from_ref(&key)) {
            Ok(()) => self.join_fetch(key).landing().await,
            Err(error) => Err(error),
        })
    }

    fn join_fetch(self: &Arc<Self>, key: Key) -> Call {
        self.fetches
            .join(key.clone(), || Arc::clone(self).fetch(key))
    }

    /// Step 3 and 4, the work of a fetch flight: asks the key's owner, then its successors on the
    /// ring, and loads here when it is this node's turn or nobody answers.
    async fn fetch(self: Arc<Self>, key: Key) -> Result<Entry, Error> {
        let stamp = self.fence.stamp_of_mirror(&key);
        if let Some(entry) = self.landed(&key) {
            return Ok(entry);
        }
        // Boxed, as a flight of an own key should not carry the room for an exchange: its allocation
        // would be of a size that, once freed, small values settle in, and the next one needs another.
        if self.is_others(&key)
            && let Some(answer) = Box::pin(self.ask_owners(&key, stamp)).await
        {
            return answer;
        }
        if self.router.routes().peers().len() > 1 {
            self.asked_for(&key, 1.0);
        }
        self.load(key).await
    }

    pub(super) fn is_others(&self, key: &Key) -> bool {
        let routes = self.router.routes();
        routes.owner(key).is_some_and(|owner| !owner.is_self())
    }

    /// What the first of the key's owners says that can be reached, up to this node.
    async fn ask_owners(self: &Arc<Self>, key: &Key, stamp: Stamp) -> Option<Result<Entry, Error>> {
        let routes = self.router.snapshot();
        let members = routes.peers().len();
        for peer in routes.owners(key).take(1 + self.limits.failovers) {
            if peer.is_self() {
                break;
            }
            let request = GetRequest {
                group: &self.name,
                key,
                mode: GetMode::Load,
            };
            match peer.get(request).await {
                Ok(reply) => {
                    self.heard(peer, reply.log);
                    let key = key.clone();
                    return Some(Ok(self.accept(
                        key,
                        reply,
                        Reached::Fetched,
                        members,
                        stamp,
                    )));
                }
                Err(error) if error.is_answer() => return Some(Err(error.into())),
                Err(error) => {
                    self.counters.add(Event::PeerError);
                    tracing::debug!(group = %self.name, peer = %peer.member(), %error, "no answer");
                }
            }
        }
        None
    }

    /// A get that only wants what is cached, here or at the key's owner.
    pub(super) async fn peek(self: &Arc<Self>, key: Key) -> Result<Entry, Error> {
        let counted = Counted::new(&self.counters);
        counted.with(match self.peek_owner(key).await {
            Ok(found) => found.ok_or_else(|| Error::from_getter(NotFound.into())),
            Err(error) => Err(error),
        })
    }

    /// A get that wants no other node to load.
    pub(super) async fn get_without_peers(self: &Arc<Self>, key: Key) -> Result<Entry, Error> {
        let counted = Counted::new(&self.counters);
        // An owner that cannot answer, or cannot be asked, is passed over.
        let found = self.peek_owner(key.clone()).await.ok().flatten();
        counted.with(match found {
            Some(entry) => Ok(entry),
            None => self.load(key).await,
        })
    }

    /// The owner's copy, if the owner is another node and has one.
    async fn peek_owner(self: &Arc<Self>, key: Key) -> Result<Option<Entry>, Error> {
        self.check_keys(slice::from_ref(&key))?;
        let routes = self.router.snapshot();
        let Some(owner) = routes.owner(&key).filter(|owner| !owner.is_self()) else {
            return Ok(None);
        };
        let stamp = self.fence.stamp_of_mirror(&key);
        let request = GetRequest {
            group: &self.name,
            key: &key,
            mode: GetMode::Peek,
        };
        let members = routes.peers().len();
        match owner.get(request).await {
            Ok(reply) => {
                self.heard(owner, reply.log);
                Ok(Some(self.accept(
                    key,
                    reply,
                    Reached::Peeked,
                    members,
                    stamp,
                )))
            }
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Has the key's owner load the value, if it lacks it; who that is does not matter to the
    /// caller. Not counted as a get.
    pub(super) async fn warm_up(self: Arc<Self>, key: Key) -> Result<(), Error> {
        self.check_keys(slice::from_ref(&key))?;
        let routes = self.router.snapshot();
        for peer in routes.owners(&key).take(1 + self.limits.failovers) {
            if peer.is_self() {
                break;
            }
            let request = GetRequest {
                group: &self.name,
                key: &key,
                mode: GetMode::WarmUp,
            };
            match peer.get(request).await {
                Ok(_) => return Ok(()),
                Err(error) if error.is_answer() => return Err(error.into()),
                Err(_) => {
                    self.counters.add(Event::PeerError);
                }
            }
        }
        self.load(key).await.map(drop)
    }

    /// Takes a value that came from its owner, and mirrors it if the promoter says so.
    fn accept(
        &self,
        key: Key,
        reply: Reply,
        reached: Reached,
        members: usize,
        stamp: Stamp,
    ) -> Entry {
        let now = self.clock.now();
        let lifetime = self.aging.of_reply(reply.expires_at, reached, now);
        let candidate = Candidate {
            key: &key,
            value: &reply.value,
            owner_minute_qps: reply.minute_qps,
            local: self.rates.count(&key, 1.0, now),
            members,
            store: &self.store,
        };
        // A mirror that is being refreshed has been promoted before.
        let mirror = || self.store.get(&key).is_some() || self.promoter.promote(&candidate);
        let mirrored = lifetime.is_kept(now) && mirror();
        let mut value = reply.value;
        if mirrored {
            // It is a slice of a network buffer, which the mirror must not keep alive.
            value = value.compact();
            let value = value.clone();
            self.store
                .insert_if(key, value, Tier::Hot, lifetime, || self.fence.holds(stamp));
        }
        Entry {
            value,
            source: Source::Peer,
            fresh_until: lifetime.fresh_until,
        }
    }
}
