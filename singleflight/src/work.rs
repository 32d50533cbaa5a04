//! Runs the user's work and turns its panics into errors, so that they do not reach our callers.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::Error;
use crate::discard::discard;

/// The future that a flight runs.
pub(crate) type Work<V> = Pin<Box<dyn Future<Output = V> + Send>>;

/// The state of the work after a poll.
pub(crate) enum Polled<V> {
    Pending(Work<V>),
    Ended(Result<V, Error>),
}

/// Creates the work. A panic of the closure becomes an error.
pub(crate) fn create<V, Fut>(work: impl FnOnce() -> Fut) -> Result<Work<V>, Error>
where
    Fut: Future<Output = V> + Send + 'static,
{
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(future) => Ok(Box::pin(future)),
        Err(payload) => Err(Error::panicked(payload)),
    }
}

/// Polls the work once and drops it if it has ended. A panic of either becomes an error.
///
/// `AssertUnwindSafe` is sound because no code uses the work after it has panicked.
#[inline(always)]
pub(crate) fn poll<V>(mut work: Work<V>, cx: &mut Context<'_>) -> Polled<V> {
    match catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(cx))) {
        Ok(Poll::Pending) => Polled::Pending(work),
        Ok(Poll::Ready(value)) => Polled::Ended(
            catch_unwind(AssertUnwindSafe(|| drop(work)))
                .map(|()| value)
                .map_err(Error::panicked),
        ),
        Err(payload) => {
            discard(work);
            Polled::Ended(Err(Error::panicked(payload)))
        }
    }
}
