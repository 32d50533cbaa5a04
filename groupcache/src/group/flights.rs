use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::runtime::Handle;

use crate::{Entry, Error, Key};

/// The running fetches, or the running loads, of a group: one for each key, and not too many.
#[derive(Debug)]
pub(super) struct Flights {
    group: singleflight::Group<Key, Result<Entry, Error>>,
    /// How many run; every [`Place`] counts one.
    running: Arc<AtomicUsize>,
    max: usize,
}

impl Flights {
    pub(super) fn new(max: usize) -> Self {
        Self {
            group: singleflight::Group::new(),
            running: Arc::default(),
            max,
        }
    }

    /// Joins the key's flight, or starts one. One too many ends at once, as overloaded.
    pub(super) fn join<F>(&self, key: Key, work: impl FnOnce() -> F) -> Call
    where
        F: Future<Output = Result<Entry, Error>> + Send + 'static,
    {
        Call(self.group.join(key, || {
            let flight = Place::take(&self.running, self.max).map(|place| (place, work()));
            let max = self.max;
            async move {
                match flight {
                    Some((_place, work)) => work.await,
                    None => Err(Error::overloaded(format!("{max} keys are under way"))),
                }
            }
        }))
    }

    /// Lets the next caller with the key start afresh. Those who wait get what they waited for.
    pub(super) fn forget(&self, key: &[u8]) {
        self.group.forget(key);
    }

    /// Lets the next caller of every key start afresh.
    pub(super) fn forget_all(&self) {
        self.group.forget_all();
    }

    /// Whether the key has a flight.
    pub(super) fn contains(&self, key: &[u8]) -> bool {
        self.group.contains(key)
    }
}

/// One caller's part in a flight.
pub(super) struct Call(singleflight::Call<Key, Result<Entry, Error>>);

impl Call {
    /// Lets a task drive the flight to its end, if this call has started it.
    pub(super) fn detach(&mut self, runtime: &Handle) {
        if let Some(driver) = self.0.detach() {
            runtime.spawn(driver);
        }
    }

    /// Waits for the flight's result.
    pub(super) async fn landing(self) -> Result<Entry, Error> {
        match self.0.await {
            Ok(outcome) => outcome.value,
            Err(error) => Err(Error::from_flight(&error)),
        }
    }
}

/// A flight's place among those that may run at once; given back when it is dropped.
struct Place(Arc<AtomicUsize>);

impl Place {
    fn take(running: &Arc<AtomicUsize>, max: usize) -> Option<Self> {
        let place = Self(Arc::clone(running));
        (running.fetch_add(1, Ordering::Relaxed) < max).then_some(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
