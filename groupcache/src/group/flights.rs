use std::future::ready;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::Either;
use peers::Context;

use super::entered::Entered;
use super::node_runtime::{NodeRuntime, WAIT_FOR_RUNTIME};
use super::places::{Place, Places};
use super::task_pool::TaskPool;
use crate::trace::spans;
use crate::{Entry, Error, Key};

/// The running fetches, or the running loads, of a group: one for each key, and not too many.
#[derive(Debug)]
pub(super) struct Flights {
    group: singleflight::Group<Key, Result<Entry, Error>>,
    /// Every running flight takes one.
    places: Places,
    runtime: NodeRuntime,
    pool: Arc<FlightPool>,
}

type FlightPool = TaskPool<singleflight::Driver<Key, Result<Entry, Error>>>;

impl Flights {
    pub(super) fn new(max: usize, runtime: NodeRuntime) -> Self {
        Self {
            group: singleflight::Group::new(),
            places: Places::new(max),
            pool: Arc::new(TaskPool::new(runtime.handle().clone())),
            runtime,
        }
    }

    /// Joins the key's flight, or starts one. A flight beyond the limit ends at once, as overloaded.
    ///
    /// The flight has the context and the span of the caller that starts it. Without a scope of its own it would
    /// see the context of whichever caller happens to poll it. The spans of the others say that they share a flight.
    ///
    /// Its work is [`Entered`], because callers of any executor may drive it.
    pub(super) fn join<F>(&self, key: Key, work: impl FnOnce() -> F) -> Call
    where
        F: Future<Output = Result<Entry, Error>> + Send + 'static,
    {
        let mut is_mine = false;
        let call = self.group.join(key, || {
            is_mine = true;
            match self.places.take() {
                Some(place) => {
                    let work = Context::current().scope(work());
                    Either::Left(Entered::new(self.runtime.handle().clone(), place, work))
                }
                None => Either::Right(ready(Err(self.overloaded()))),
            }
        });
        if !is_mine {
            spans::note_shared();
        }
        self.part_in(call)
    }

    /// Joins the key's flight, or starts one whose result the caller brings. A flight beyond the limit ends
    /// at once, as overloaded.
    pub(super) fn claim(&self, key: Key) -> Claim {
        let landing = match self.group.claim(key) {
            singleflight::Claim::Joined(call) => return Claim::Joined(self.part_in(call)),
            singleflight::Claim::Mine(landing) => landing,
        };
        match self.places.take() {
            place @ Some(_) => Claim::Mine(Landing { landing, place }),
            None => {
                let error = self.overloaded();
                landing.land(Err(error.clone()));
                Claim::Refused(error)
            }
        }
    }

    fn part_in(&self, call: singleflight::Call<Key, Result<Entry, Error>>) -> Call {
        Call {
            call,
            pool: Arc::clone(&self.pool),
            runtime: self.runtime.clone(),
        }
    }

    /// Forgets the key's flight: the next caller starts another. Callers that wait get its result.
    pub(super) fn forget(&self, key: &[u8]) {
        self.group.forget(key);
    }

    /// Forgets the flights of all keys.
    pub(super) fn forget_all(&self) {
        self.group.forget_all();
    }

    /// The number of running flights.
    pub(super) fn running(&self) -> usize {
        self.places.taken()
    }

    /// Whether the key has a flight.
    pub(super) fn contains(&self, key: &[u8]) -> bool {
        self.group.contains(key)
    }

    fn overloaded(&self) -> Error {
        Error::overloaded(format!("{} keys are under way", self.places.most()))
    }
}

/// A key's flight, as one of several that a caller claims.
pub(super) enum Claim {
    /// The caller brings the result.
    Mine(Landing),
    /// Another caller's flight.
    Joined(Call),
    /// There are too many flights.
    Refused(Error),
}

/// The duty to end a flight with a result.
pub(super) struct Landing {
    landing: singleflight::Landing<Key, Result<Entry, Error>>,
    /// `None` for a flight that does not count among the running ones.
    place: Option<Place>,
}

impl Landing {
    /// Gives the flight up, because its work is yet to begin: it does not count among the running ones any more, and the key's
    /// next caller begins another. Those who have joined it wait.
    pub(super) fn give_up(&mut self) {
        self.landing.forget();
        self.place = None;
    }

    /// Ends the flight. The result is copied for those who have joined.
    pub(super) fn land(self, result: &Result<Entry, Error>) {
        self.landing.land_with(|| result.clone());
    }
}

/// One caller's part in a flight.
///
/// Callers drive a flight together. When the caller that started it goes away, a task takes it over
/// and drives it to its end: its value is kept, and its end reports a peer's health, even when every
/// caller has gone away.
pub(super) struct Call {
    call: singleflight::Call<Key, Result<Entry, Error>>,
    pool: Arc<FlightPool>,
    runtime: NodeRuntime,
}

impl Call {
    /// Lets a task drive the flight from now on, if this call has started it.
    pub(super) fn detach(&mut self) {
        if let Some(driver) = self.call.detach() {
            self.pool.drive(driver);
        }
    }

    /// Waits for the flight's result. A foreign caller lets a task drive the flight, and waits no longer
    /// than the flight can take by its own limits.
    pub(super) async fn landing(
        mut self,
        longest: impl FnOnce() -> Duration,
    ) -> Result<Entry, Error> {
        if self.runtime.is_current() {
            return self.result().await;
        }
        self.detach();
        let (runtime, longest) = (self.runtime.clone(), longest());
        let what = WAIT_FOR_RUNTIME;
        Box::pin(async move { runtime.timeout(longest, what, self.result()).await }).await
    }

    async fn result(&mut self) -> Result<Entry, Error> {
        match (&mut self.call).await {
            Ok(outcome) => outcome.value,
            Err(error) => Err(Error::from_flight(&error)),
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.detach();
    }
}
