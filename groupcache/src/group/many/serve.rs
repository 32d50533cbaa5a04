//! Step 6 for several keys: a peer's request.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use peers::{GetManyReply, GetManyRequest, GetMode, Reply};
use tokio::time::{Instant, timeout_at};

use crate::group::inner::Inner;
use crate::panics::caught_now;
use crate::stats::Event;
use crate::{Entry, Error, Key};

/// How long answers that are ready wait for others of the same request. The peer asks again for those that
/// come later, so that a slow load holds nothing else up.
const PATIENCE: Duration = Duration::from_millis(20);

impl Inner {
    /// Answers a get of several keys from memory, with values of up to `room` bytes. `None` if one of them takes a load, or a
    /// store that takes its time, or if the request names changes; then nothing was counted.
    pub(crate) fn serve_many_cached(
        self: &Arc<Self>,
        request: &GetManyRequest<'_>,
        room: usize,
    ) -> Option<GetManyReply> {
        if !request.known.is_empty() || !self.store.has_kept_views() {
            return None;
        }
        let (mut found, mut room) = (Vec::with_capacity(request.keys.len()), room);
        for key in request.keys {
            let entry = self.from_memory(key, request.mode)?;
            room = room.checked_sub(length(&entry))?;
            found.push(Some(entry));
        }
        for _ in request.keys {
            self.counters.add(Event::PeerGet);
        }
        Some(self.reply_to_many(request, found))
    }

    /// Answers a get of several keys: from memory, and by loads of this node.
    pub(crate) async fn serve_get_many(
        self: &Arc<Self>,
        request: &GetManyRequest<'_>,
    ) -> GetManyReply {
        let GetManyRequest {
            keys, mode, known, ..
        } = *request;
        for (place, change) in known {
            if let Some(key) = keys.get(*place as usize) {
                self.make_known(key, &[*change]);
            }
        }
        let (mut answers, mut absent) = (Vec::with_capacity(keys.len()), Vec::new());
        let mut taken = 0;
        for (place, &key) in keys.iter().enumerate() {
            // The peer asks again for what does not fit into a reply.
            if taken > GetManyReply::MAX_BYTES {
                break;
            }
            self.counters.add(Event::PeerGet);
            let found = caught_now(|| self.from_memory(key, mode).transpose());
            let found = match found.transpose() {
                None => self.check_key(key).err().map(Err),
                found => found,
            };
            match &found {
                Some(found) => taken += length(found),
                None => absent.push((place, Key::from(key))),
            }
            answers.push(found);
        }
        answers.resize_with(keys.len(), || None);
        if !absent.is_empty() {
            let mut loads = self.load_many(absent);
            let found = answers.iter().flatten();
            let mut until = found.map(|found| self.waits_until(found)).min();
            while let Some((place, result)) = within(until, loads.next()).await {
                let waits = self.waits_until(&result);
                until = Some(until.map_or(waits, |until| until.min(waits)));
                let result =
                    result.or_else(|error| self.or_last_resort_of_peer(keys[place], mode, error));
                answers[place] = Some(result);
            }
        }
        // Replies are made last: what has passed meanwhile is taken off the values' lives.
        self.reply_to_many(request, answers)
    }

    /// The reply with what was found for each key.
    fn reply_to_many(
        &self,
        request: &GetManyRequest<'_>,
        found: Vec<Option<Result<Entry, Error>>>,
    ) -> GetManyReply {
        let (mode, now) = (request.mode, self.clock.now());
        let answers = found.into_iter().zip(request.keys);
        let answers =
            answers.map(|(found, key)| found.map(|found| self.answer(key, found, mode, now)));
        GetManyReply {
            answers: answers.collect(),
            state: Some(self.coherence.node_state()),
        }
    }

    /// Until when an answer that is ready waits for others: no longer than it is fresh, and a stale one no longer than it may be
    /// served.
    fn waits_until(&self, answer: &Result<Entry, Error>) -> Instant {
        let fresh_until = answer.as_ref().ok().and_then(|entry| entry.fresh_until);
        let aging = &self.freshness.aging;
        let life = fresh_until.map(|until| aging.left(until, self.clock.now()));
        Instant::now() + life.unwrap_or(PATIENCE).min(PATIENCE)
    }

    fn answer(
        &self,
        key: &[u8],
        found: Result<Entry, Error>,
        mode: GetMode,
        now: std::time::Instant,
    ) -> Result<Reply, peers::Error> {
        let rate = self.rate_at(key, mode, now);
        match found {
            Ok(_) if mode == GetMode::WarmUp => Ok(Reply::default()),
            Ok(entry) => Ok(self.reply(entry, rate)),
            Err(error) => Err(error.to_answer()),
        }
    }
}

/// The bytes of a value.
fn length(found: &Result<Entry, Error>) -> usize {
    found.as_ref().map_or(0, |entry| entry.value().len())
}

async fn within<T>(until: Option<Instant>, next: impl Future<Output = Option<T>>) -> Option<T> {
    match until {
        None => next.await,
        Some(until) => timeout_at(until, next).await.ok().flatten(),
    }
}
