use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

use crate::{Error, HttpOptions};

/// Turns for the answers to requests. Only so many are made at a time. As many more requests may wait, and the one that has
/// waited longest is the next.
#[derive(Debug)]
pub(crate) struct RequestTurns {
    free: Semaphore,
    /// A permit for each request that may wait.
    queue: Semaphore,
    /// How long a request waits.
    patience: Duration,
}

impl RequestTurns {
    pub(crate) fn new(options: &HttpOptions) -> Self {
        Self {
            free: Semaphore::new(options.max_requests),
            queue: Semaphore::new(options.max_requests),
            patience: options.request_queue_patience(),
        }
    }

    /// Waits for a turn, which lasts until it is dropped.
    pub(crate) async fn next(&self) -> Result<SemaphorePermit<'_>, Error> {
        if let Ok(turn) = self.free.try_acquire() {
            return Ok(turn);
        }
        let too_many = || Error::overloaded("too many requests at once");
        let _waiting = self.queue.try_acquire().map_err(|_| too_many())?;
        let turn = timeout(self.patience, self.free.acquire()).await;
        turn.ok().and_then(Result::ok).ok_or_else(too_many)
    }
}
