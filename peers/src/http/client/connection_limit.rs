use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

use crate::Error;
use crate::http::HttpOptions;
use crate::load_scope::is_loading;

/// Bounds the exchanges with one peer at one time, and how long others wait for a permit.
///
/// This node causes the wait, not the peer, and so it must not look like a peer that is slow to
/// answer: it has a limit and an error of its own, and ends before the exchange's own time begins.
#[derive(Debug)]
pub(crate) struct ConnectionLimit {
    loads: Semaphore,
    quick: Semaphore,
    /// The permits of both.
    permits: usize,
    longest_wait: Duration,
}

/// Which exchanges share a limit. Quick ones have a limit of their own, so that they never wait for
/// slow loads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lane {
    /// Exchanges that may wait for a load.
    Loads,
    /// Exchanges that wait for nothing at the peer: changes and peeks.
    Quick,
}

impl ConnectionLimit {
    pub(crate) fn new(options: &HttpOptions) -> Self {
        Self {
            loads: Semaphore::new(options.max_connections_per_peer),
            quick: Semaphore::new(options.reserved_connections_per_peer),
            permits: options
                .max_connections_per_peer
                .saturating_add(options.reserved_connections_per_peer),
            longest_wait: options.acquire_timeout,
        }
    }

    /// The exchanges that have a permit.
    pub(crate) fn in_use(&self) -> usize {
        let free = self.loads.available_permits() + self.quick.available_permits();
        self.permits.saturating_sub(free)
    }

    /// Whether an exchange that may wait for a load would have to wait for a permit.
    pub(crate) fn is_exhausted(&self) -> bool {
        self.loads.available_permits() == 0
    }

    /// A permit for one exchange with `peer`, first come, first served; given back when it is dropped.
    /// A getter does not wait for a permit to load.
    pub(crate) async fn acquire(
        &self,
        lane: Lane,
        peer: &str,
    ) -> Result<SemaphorePermit<'_>, Error> {
        let free = match lane {
            Lane::Loads => &self.loads,
            Lane::Quick => &self.quick,
        };
        // Most often one is free, and the clock need not be read.
        if let Ok(permit) = free.try_acquire() {
            return Ok(permit);
        }
        if lane == Lane::Loads && is_loading() {
            return Err(Error::busy(peer));
        }
        let limit = self.longest_wait;
        match timeout(limit, free.acquire()).await {
            Ok(Ok(permit)) => Ok(permit),
            // Never closed, so it is the time.
            Ok(Err(_)) | Err(_) => Err(Error::no_free_connection(peer, limit)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load_scope;

    const PEER: &str = "http://a";

    fn limit() -> ConnectionLimit {
        let options = HttpOptions::default()
            .max_connections_per_peer(1)
            .reserved_connections_per_peer(1)
            .acquire_timeout(Duration::from_secs(2));
        ConnectionLimit::new(&options)
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_ends_with_a_permit_or_with_an_error_of_its_own() {
        let limit = limit();
        let permit = limit.acquire(Lane::Loads, PEER).await.unwrap();
        let error = limit.acquire(Lane::Loads, PEER).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "overloaded: no connection to http://a was free within 2s"
        );
        assert!(error.is_overloaded() && !error.is_transport() && !error.is_timeout());

        let waiting = limit.acquire(Lane::Loads, PEER);
        let leaving = async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            drop(permit);
        };
        let (next, ()) = tokio::join!(waiting, leaving);
        drop(next.unwrap());
    }

    #[tokio::test(start_paused = true)]
    async fn quick_exchanges_wait_for_no_load_and_getters_for_no_permit() {
        let limit = limit();
        assert!(!limit.is_exhausted());
        let _load = limit.acquire(Lane::Loads, PEER).await.unwrap();
        assert!(limit.is_exhausted());
        let start = tokio::time::Instant::now();
        drop(limit.acquire(Lane::Quick, PEER).await.unwrap());
        let nested = load_scope(limit.acquire(Lane::Loads, PEER));
        let error = nested.await.unwrap_err();
        assert!(error.is_of_this_side() && !error.is_answer() && !error.is_overloaded());
        assert_eq!(start.elapsed(), Duration::ZERO);
    }
}
