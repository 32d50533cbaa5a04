use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

use super::HttpOptions;
use crate::Error;

/// Bounds the exchanges with one peer at one time, and how long the others wait for their turn.
///
/// The wait is this node's doing, not the peer's, and so must not look like a peer that is slow to
/// answer: it has a limit and an error of its own, and is over before an exchange's time begins.
#[derive(Debug)]
pub(crate) struct Turns {
    free: Semaphore,
    longest_wait: Duration,
}

impl Turns {
    pub(crate) fn new(options: &HttpOptions) -> Self {
        Self {
            free: Semaphore::new(options.max_connections_per_peer),
            longest_wait: options.acquire_timeout,
        }
    }

    /// Leave for one exchange with `peer`, first come, first served; given back when it is dropped.
    pub(crate) async fn take(&self, peer: &str) -> Result<SemaphorePermit<'_>, Error> {
        // Most often there is one, and the clock need not be read.
        if let Ok(turn) = self.free.try_acquire() {
            return Ok(turn);
        }
        let limit = self.longest_wait;
        match timeout(limit, self.free.acquire()).await {
            Ok(Ok(turn)) => Ok(turn),
            // Never closed, so it is the time.
            Ok(Err(_)) | Err(_) => Err(Error::no_free_connection(peer, limit)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_waits_for_too_long_is_told_so_and_who_waits_less_gets_a_turn() {
        let options = HttpOptions::default()
            .max_connections_per_peer(1)
            .acquire_timeout(Duration::from_secs(2));
        let turns = Turns::new(&options);
        let turn = turns.take("http://a").await.unwrap();
        let error = turns.take("http://a").await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "overloaded: no connection to http://a was free within 2s"
        );
        assert!(error.is_overloaded() && !error.is_transport() && !error.is_timeout());

        let waiting = turns.take("http://a");
        let leaving = async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            drop(turn);
        };
        let (next, ()) = tokio::join!(waiting, leaving);
        drop(next.unwrap());
    }
}
