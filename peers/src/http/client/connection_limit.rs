use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

use crate::Error;
use crate::http::HttpOptions;

/// Bounds the exchanges with one peer at one time, and how long others wait for a permit.
///
/// This node causes the wait, not the peer, and so it must not look like a peer that is slow to
/// answer: it has a limit and an error of its own, and ends before the exchange's own time begins.
#[derive(Debug)]
pub(crate) struct ConnectionLimit {
    free: Semaphore,
    longest_wait: Duration,
}

impl ConnectionLimit {
    pub(crate) fn new(options: &HttpOptions) -> Self {
        Self {
            free: Semaphore::new(options.max_connections_per_peer),
            longest_wait: options.acquire_timeout,
        }
    }

    /// A permit for one exchange with `peer`, first come, first served; given back when it is dropped.
    pub(crate) async fn acquire(&self, peer: &str) -> Result<SemaphorePermit<'_>, Error> {
        // Most often one is free, and the clock need not be read.
        if let Ok(permit) = self.free.try_acquire() {
            return Ok(permit);
        }
        let limit = self.longest_wait;
        match timeout(limit, self.free.acquire()).await {
            Ok(Ok(permit)) => Ok(permit),
            // Never closed, so it is the time.
            Ok(Err(_)) | Err(_) => Err(Error::no_free_connection(peer, limit)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_wait_ends_with_a_permit_or_with_an_error_of_its_own() {
        let options = HttpOptions::default()
            .max_connections_per_peer(1)
            .acquire_timeout(Duration::from_secs(2));
        let limit = ConnectionLimit::new(&options);
        let permit = limit.acquire("http://a").await.unwrap();
        let error = limit.acquire("http://a").await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "overloaded: no connection to http://a was free within 2s"
        );
        assert!(error.is_overloaded() && !error.is_transport() && !error.is_timeout());

        let waiting = limit.acquire("http://a");
        let leaving = async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            drop(permit);
        };
        let (next, ()) = tokio::join!(waiting, leaving);
        drop(next.unwrap());
    }
}
