use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

use crate::Error;

/// Turns for getter calls, of which only so many are under way at a time. Who waits longest is the next.
#[derive(Debug)]
pub(super) struct Turns {
    /// The most calls at a time, and a permit for each of them; `None`: there is no limit.
    limit: Option<(usize, Semaphore)>,
    /// How long a call waits for its turn.
    patience: Duration,
}

impl Turns {
    pub(super) fn new(most: Option<usize>, patience: Duration) -> Self {
        // More would be no limit either.
        let most = most.filter(|most| *most <= Semaphore::MAX_PERMITS);
        Self {
            limit: most.map(|most| (most, Semaphore::new(most))),
            patience,
        }
    }

    /// Whether a call would not have to wait.
    pub(super) fn are_free(&self) -> bool {
        let limit = self.limit.as_ref();
        limit.is_none_or(|(_, free)| free.available_permits() > 0)
    }

    /// Waits for a turn, which ends when it is dropped.
    pub(super) async fn next(&self) -> Result<Option<SemaphorePermit<'_>>, Error> {
        let Some((most, free)) = &self.limit else {
            return Ok(None);
        };
        if let Ok(turn) = free.try_acquire() {
            return Ok(Some(turn));
        }
        let turn = timeout(self.patience, free.acquire()).await;
        let turn = turn.ok().and_then(Result::ok);
        turn.map(Some).ok_or_else(|| {
            let patience = self.patience;
            let what =
                format!("{most} getter calls are under way, and none ended within {patience:?}");
            Error::overloaded(what)
        })
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn who_waits_longest_is_the_next_and_nobody_waits_for_ever() {
        let turns = Turns::new(Some(1), PATIENCE);
        let first = turns.next().await.unwrap();
        let (mut second, mut third) = (Box::pin(turns.next()), Box::pin(turns.next()));
        assert!((&mut second).now_or_never().is_none());
        assert!((&mut third).now_or_never().is_none());
        drop(first);
        assert!((&mut third).now_or_never().is_none(), "it came later");
        let _second = second.await.unwrap();
        let error = third.await.unwrap_err();
        assert!(error.is_overloaded(), "{error}");
        assert!(
            error.to_string().contains("1 getter calls are under way"),
            "{error}"
        );
    }
}
