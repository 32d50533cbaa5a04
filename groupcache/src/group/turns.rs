use std::cmp::min;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

use crate::Error;

/// Turns for getter calls. Only so many are under way at a time, of the group and of all groups of the node. The call that has
/// waited longest is the next.
#[derive(Debug)]
pub(super) struct Turns {
    bounds: Vec<Arc<LoadBound>>,
    /// How long a call waits for its turn.
    patience: Duration,
}

/// How many getter calls may be under way at a time.
#[derive(Debug)]
pub(crate) struct LoadBound {
    most: usize,
    /// A permit for each.
    free: Semaphore,
    /// Whose calls they are.
    of: &'static str,
}

/// The right to call the getter, until it is dropped.
#[derive(Debug)]
#[must_use]
pub(super) struct Turn<'a> {
    _permits: Vec<SemaphorePermit<'a>>,
}

impl LoadBound {
    pub(crate) fn of_group(most: usize) -> Option<Arc<Self>> {
        Self::new(most, "this group")
    }

    pub(crate) fn of_node(most: usize) -> Option<Arc<Self>> {
        Self::new(most, "this node")
    }

    /// `None` for so many that it would be no limit.
    fn new(most: usize, of: &'static str) -> Option<Arc<Self>> {
        (most <= Semaphore::MAX_PERMITS).then(|| {
            let free = Semaphore::new(most);
            Arc::new(Self { most, free, of })
        })
    }
}

impl Turns {
    /// Turns within these bounds.
    pub(super) fn new(
        bounds: impl IntoIterator<Item = Option<Arc<LoadBound>>>,
        patience: Duration,
    ) -> Self {
        Self {
            bounds: bounds.into_iter().flatten().collect(),
            patience,
        }
    }

    /// Whether a call would not have to wait.
    pub(super) fn are_free(&self) -> bool {
        let mut bounds = self.bounds.iter();
        bounds.all(|bound| bound.free.available_permits() > 0)
    }

    /// The most calls at a time; `None`: there is no limit.
    pub(super) fn most(&self) -> Option<usize> {
        self.bounds.iter().map(|bound| bound.most).reduce(min)
    }

    /// Waits for a turn.
    pub(super) async fn next(&self) -> Result<Turn<'_>, Error> {
        let mut permits = Vec::new();
        if self.bounds.is_empty() {
            return Ok(Turn { _permits: permits });
        }
        let waiting = async {
            for bound in &self.bounds {
                // The semaphore is never closed.
                permits.extend(bound.free.acquire().await);
            }
        };
        let is_over = timeout(self.patience, waiting).await.is_err();
        match self.bounds.get(permits.len()) {
            Some(waited_for) if is_over => {
                // Those who have turns of the group may wait for the node themselves.
                let is_exhausted = |bound: &&Arc<LoadBound>| bound.free.available_permits() == 0;
                let exhausted = self.bounds.iter().rev().find(is_exhausted);
                Err(exhausted.unwrap_or(waited_for).refusal(self.patience))
            }
            _ => Ok(Turn { _permits: permits }),
        }
    }
}

impl LoadBound {
    fn refusal(&self, patience: Duration) -> Error {
        let Self { most, of, .. } = self;
        Error::overloaded(format!(
            "{most} getter calls of {of} are under way, and none ended within {patience:?}"
        ))
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn who_waits_longest_is_the_next_and_nobody_waits_for_ever() {
        let turns = Turns::new([LoadBound::of_group(1)], PATIENCE);
        let first = turns.next().await.unwrap();
        let (mut second, mut third) = (Box::pin(turns.next()), Box::pin(turns.next()));
        assert!((&mut second).now_or_never().is_none());
        assert!((&mut third).now_or_never().is_none());
        drop(first);
        assert!((&mut third).now_or_never().is_none(), "it came later");
        let _second = second.await.unwrap();
        let error = third.await.unwrap_err();
        assert!(error.is_overloaded(), "{error}");
        assert_names(&error, "1 getter calls of this group are under way");
    }

    #[tokio::test(start_paused = true)]
    async fn a_turn_is_within_the_bounds_of_the_group_and_of_the_node() {
        let node = LoadBound::of_node(2);
        let of_group = || Turns::new([LoadBound::of_group(1), node.clone()], PATIENCE);
        let (one, other, third) = (of_group(), of_group(), of_group());
        assert_eq!(one.most(), Some(1));
        let first = one.next().await.unwrap();
        assert!(!one.are_free() && other.are_free());
        let _second = other.next().await.unwrap();
        assert!(!third.are_free());
        let error = third.next().await.unwrap_err();
        assert_names(&error, "2 getter calls of this node are under way");
        drop(first);
        let _third = third.next().await.unwrap();
    }

    #[tokio::test]
    async fn without_bounds_everybody_has_a_turn() {
        let turns = Turns::new([None, LoadBound::of_node(usize::MAX)], PATIENCE);
        assert_eq!((turns.most(), turns.are_free()), (None, true));
        let _turns = [turns.next().await.unwrap(), turns.next().await.unwrap()];
    }

    fn assert_names(error: &Error, part: &str) {
        assert!(error.to_string().contains(part), "{error}");
    }
}
