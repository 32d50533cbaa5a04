//! Step 5 for several keys: their load flights, and the bulk loads.

use std::any::Any;
use std::mem;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::{FutureExt as _, StreamExt as _, stream};

use super::landings::{Claimed, Landings};
use crate::group::fence::Stamp;
use crate::group::inner::Inner;
use crate::stats::Event;
use crate::{Answers, Error, Key};

/// How many bulk loads one call has under way at a time.
const BULK_LOADS_AT_ONCE: usize = 4;

/// How many keys of one bulk load are loaded at a time, if its getter loads each on its own. The same goes for
/// the questions to former owners.
const LOADS_AT_ONCE: usize = 16;

/// A key that this call loads.
struct Load {
    claimed: Claimed,
    stamp: Stamp,
}

impl Load {
    fn key(&self) -> &Key {
        &self.claimed.key
    }
}

impl Inner {
    /// Joins the load flights of several keys. A task loads those that nobody has begun, to its end.
    pub(super) fn load_many(self: &Arc<Self>, keys: Vec<(usize, Key)>) -> Landings {
        let longest = |_: &Key| self.limits.load_timeout;
        let (landings, claimed) = self.loads.claim_all(keys, longest);
        if !claimed.is_empty() {
            self.runtime.spawn(Arc::clone(self).load_claimed(claimed));
        }
        landings
    }

    async fn load_claimed(self: Arc<Self>, claimed: Vec<Claimed>) {
        let mut loads = Vec::with_capacity(claimed.len());
        for claimed in claimed {
            let stamp = self.stamp_of_load(&claimed.key);
            match self.landed(&claimed.key) {
                Some(entry) => claimed.land(Ok(entry)),
                None => loads.push(Load { claimed, stamp }),
            }
        }
        let mut loads = self.take_over_many(loads).await;
        let mut bulks = Vec::new();
        while !loads.is_empty() {
            let most = self.limits.max_bulk_load_keys.min(loads.len());
            let rest = loads.split_off(most);
            bulks.push(mem::replace(&mut loads, rest));
        }
        stream::iter(bulks)
            .for_each_concurrent(BULK_LOADS_AT_ONCE, |bulk| self.load_together(bulk))
            .await;
    }

    /// Takes the copies that former owners of the keys have, and returns the keys that are still to be loaded,
    /// without those whose last loads have failed just now.
    async fn take_over_many(self: &Arc<Self>, loads: Vec<Load>) -> Vec<Load> {
        let asked = stream::iter(loads).map(async |load| {
            if self.router.former_owner(load.key()).is_some()
                && let Some(entry) = Box::pin(self.take_over(load.key(), load.stamp)).await
            {
                load.claimed.land(Ok(entry));
                return None;
            }
            if let Some(error) = self.pause_of_load(load.key()) {
                load.claimed.land(Err(error));
                return None;
            }
            Some(load)
        });
        let left = asked.buffered(LOADS_AT_ONCE);
        left.filter_map(async |load| load).collect().await
    }

    /// One bulk load.
    async fn load_together(self: &Arc<Self>, loads: Vec<Load>) {
        let keys = loads.iter().map(|load| load.key().clone()).collect();
        let call = async { self.getter.get_many_boxed(keys).await };
        let outcome = caught(self.wait_for_getter(call)).await;
        match outcome {
            Ok(answers) if answers.are_one_by_one() => self.load_one_by_one(loads).await,
            outcome => {
                self.counters.add(Event::GetterCall);
                self.land_together(loads, outcome);
            }
        }
    }

    fn land_together(self: &Arc<Self>, loads: Vec<Load>, mut outcome: Result<Answers, Error>) {
        Claimed::land_all(loads.into_iter().map(|Load { claimed, stamp }| {
            let key = &claimed.key;
            let result = match &mut outcome {
                Ok(answers) => answers
                    .take(key)
                    .map_err(Error::from_getter)
                    .and_then(|value| self.keep(key.clone(), value, stamp)),
                Err(error) => Err(error.clone()),
            };
            self.note_load(key, stamp, &result);
            (claimed, result)
        }));
    }

    async fn load_one_by_one(self: &Arc<Self>, loads: Vec<Load>) {
        let loads = stream::iter(loads).map(|Load { claimed, stamp }| async move {
            let result = caught(self.call_getter(claimed.key.clone(), stamp)).await;
            (claimed, result)
        });
        let loads = loads.buffer_unordered(LOADS_AT_ONCE);
        let loaded = loads.ready_chunks(LOADS_AT_ONCE);
        loaded
            .for_each(async |loaded| Claimed::land_all(loaded))
            .await;
    }
}

/// The result of a getter, with its panic as an error.
async fn caught<T>(getter: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    let result = AssertUnwindSafe(getter).catch_unwind().await;
    result.unwrap_or_else(|payload| Err(Error::getter_panicked(message(&*payload))))
}

fn message(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("with a payload that is no text")
}
