//! Step 5 for several keys: their load flights, and the bulk loads.

use std::iter;
use std::pin::pin;
use std::sync::Arc;
use std::time::Instant;

use futures_util::stream::FuturesUnordered;
use futures_util::{StreamExt as _, stream};

use super::claimed::{Claimed, unclaim};
use super::landings::{Landings, Outlet, Wanted};
use crate::group::inner::Inner;
use crate::panics::{caught, caught_now};
use crate::stats::Event;
use crate::trace::{recorded, spans};
use crate::{Answers, Entry, Error, Key};

/// How many bulk loads one call has under way at a time.
const BULK_LOADS_AT_ONCE: usize = 4;

/// How many former owners are asked at a time for the keys of one bulk load.
const QUESTIONS_AT_ONCE: usize = 16;

impl Inner {
    /// Loads several keys, and joins the load flights that others have begun. A task drives the loads to their end.
    pub(super) fn load_many(self: &Arc<Self>, keys: Vec<(usize, Key)>) -> Landings {
        let (landings, wanted, outlet) = Landings::of(keys);
        let work = Arc::clone(self).load_wanted(wanted, outlet);
        self.runtime.spawn(work);
        landings
    }

    /// Loads several keys, one bulk load after the other. Loads of single keys all run at once, as those of single
    /// gets do.
    ///
    /// A key is claimed when its load begins. Were it claimed while it waits for others, a getter of one of these
    /// that asks for it would wait for itself.
    pub(super) async fn load_wanted(self: Arc<Self>, wanted: Vec<Wanted>, outlet: Outlet) {
        let mut wanted = wanted.into_iter();
        let bulks = stream::iter(iter::from_fn(|| self.next_bulk(&mut wanted, &outlet)));
        let Some(most) = self.turns.most() else {
            let left_alone = bulks
                .map(|bulk| self.load_together(bulk, &outlet))
                .buffer_unordered(BULK_LOADS_AT_ONCE);
            return left_alone
                .for_each_concurrent(None, |loads| self.load_all(loads, &outlet))
                .await;
        };
        // A call wants no more turns than there are, so that its keys do not wait for one another longer than a load may wait.
        let bulks_at_once = most.clamp(1, BULK_LOADS_AT_ONCE);
        let turns_of_each = most.div_euclid(bulks_at_once).max(1);
        bulks
            .for_each_concurrent(bulks_at_once, async |bulk| {
                let loads = self.load_together(bulk, &outlet).await;
                self.load_in_turns(loads, turns_of_each, &outlet).await;
            })
            .await;
    }

    /// The keys of one bulk load, which begins now.
    fn next_bulk(
        self: &Arc<Self>,
        wanted: &mut impl Iterator<Item = Wanted>,
        outlet: &Outlet,
    ) -> Option<Vec<Claimed>> {
        let most = self.limits.max_bulk_load_keys;
        let bulk = self.claim(&self.loads, wanted, most, outlet);
        (!bulk.is_empty()).then_some(bulk)
    }

    /// One bulk load. Returns the keys that its getter loads each on its own.
    async fn load_together(self: &Arc<Self>, loads: Vec<Claimed>, outlet: &Outlet) -> Vec<Claimed> {
        let loads = self.take_over_many(loads, outlet).await;
        if loads.is_empty() {
            return loads;
        }
        let keys: Vec<_> = loads.iter().map(|load| load.key().clone()).collect();
        let turn = self.turns.next().await;
        let begun = Instant::now();
        let outcome = match &turn {
            Ok(_) => {
                let span = spans::load_many(&self.name, keys.len());
                let call = async { self.getter.get_many_boxed(keys).await };
                caught(recorded(span, pin!(self.wait_for_getter(call)))).await
            }
            Err(error) => Err(error.clone()),
        };
        let is_alone = |load: &Claimed| match &outcome {
            Ok(answers) => answers.leave_alone(load.key()),
            Err(_) => false,
        };
        let (alone, together): (Vec<_>, Vec<_>) = loads.into_iter().partition(is_alone);
        if !together.is_empty() {
            if turn.is_ok() {
                self.counters.add(Event::GetterCall);
                self.measures.getter.record_time(begun.elapsed());
            }
            self.land_together(together, outcome, outlet);
        }
        alone
    }

    /// Takes the copies that former owners of the keys have, and returns the keys that are still to be loaded,
    /// without those whose last loads have failed just now.
    async fn take_over_many(
        self: &Arc<Self>,
        loads: Vec<Claimed>,
        outlet: &Outlet,
    ) -> Vec<Claimed> {
        let asked = stream::iter(loads).map(async |load| {
            match caught(self.result_without_getter(&load)).await.transpose() {
                Some(result) => {
                    outlet.land(load, result);
                    None
                }
                None => Some(load),
            }
        });
        let left = asked.buffered(QUESTIONS_AT_ONCE);
        left.filter_map(async |load| load).collect().await
    }

    /// The copy on disk, the former owner's, or the error of a key whose last loads have failed just now.
    async fn result_without_getter(
        self: &Arc<Self>,
        load: &Claimed,
    ) -> Result<Option<Entry>, Error> {
        #[cfg(feature = "disk")]
        if let Some(entry) = self.load_from_disk(load.key(), load.since).await {
            return Ok(Some(entry));
        }
        let former = self.router.former_owners(load.key());
        if !former.is_empty()
            && let Some(entry) = Box::pin(self.take_over(&former, load.key(), load.since)).await
        {
            return Ok(Some(entry));
        }
        self.pause_of_load(load.key()).map_or(Ok(None), Err)
    }

    fn land_together(
        self: &Arc<Self>,
        loads: Vec<Claimed>,
        mut outcome: Result<Answers, Error>,
        outlet: &Outlet,
    ) {
        let mut is_noted = false;
        outlet.land_all(loads.into_iter().map(|load| {
            let (key, since) = (load.key(), load.since);
            let result = caught_now(|| match &mut outcome {
                Ok(answers) => answers
                    .take(key)
                    .map_err(Error::from_getter)
                    .and_then(|value| self.keep(key, value, since)),
                Err(error) => Err(error.clone()),
            });
            let noted = caught_now(|| {
                self.note_load(key, since, &result, &mut is_noted);
                Ok(())
            });
            (load, noted.and(result))
        }));
    }

    /// Loads each key alone, so many at a time.
    async fn load_in_turns(
        self: &Arc<Self>,
        mut loads: Vec<Claimed>,
        at_once: usize,
        outlet: &Outlet,
    ) {
        // A key that waits for its turn is not claimed.
        unclaim(&mut loads);
        stream::iter(loads)
            .for_each_concurrent(at_once, async |load| {
                let result = self.load(load.key().clone()).await;
                outlet.land(load, result);
            })
            .await;
    }

    /// Loads each key alone, all at once.
    async fn load_all(self: &Arc<Self>, loads: Vec<Claimed>, outlet: &Outlet) {
        let most = loads.len().max(1);
        let loads = loads.into_iter().map(|load| async move {
            let result = caught(self.call_getter(load.key().clone(), load.since)).await;
            (load, result)
        });
        let loaded = loads.collect::<FuturesUnordered<_>>().ready_chunks(most);
        loaded
            .for_each(async |loaded| outlet.land_all(loaded))
            .await;
    }
}
