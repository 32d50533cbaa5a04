use std::mem;
use std::task::Waker;

use crate::Error;
use crate::flight::Stage;
use crate::shard::Entry;
use crate::waker_set::Drained;

/// What a critical section leaves to be woken and dropped outside of it.
///
/// Settle leftovers only when all state is consistent, because wakers and destructors are foreign
/// code and may panic.
#[must_use = "there may be somebody to wake"]
pub(crate) struct Leftovers<K, V> {
    /// Callers to be woken.
    pub(crate) callers: Drained,
    /// The driver, to be woken.
    pub(crate) driver: Option<Waker>,
    /// A waker to be dropped, as are all fields below.
    pub(crate) waker: Option<Waker>,
    pub(crate) stage: Stage<V>,
    pub(crate) result: Option<Result<V, Error>>,
    pub(crate) key: Option<Entry<K>>,
}

impl<K, V> Default for Leftovers<K, V> {
    fn default() -> Self {
        Self {
            callers: Drained::default(),
            driver: None,
            waker: None,
            stage: Stage::Busy,
            result: None,
            key: None,
        }
    }
}

impl<K, V> Leftovers<K, V> {
    pub(crate) fn settle(&mut self) {
        if let Some(driver) = self.driver.take() {
            driver.wake();
        }
        mem::take(&mut self.callers).wake();
    }
}
