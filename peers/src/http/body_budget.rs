use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::spare::{Recycled, Spare};
use crate::BoxFuture;

/// Bytes are counted in units, because a semaphore's permits are fewer than the bytes of a large budget.
const UNIT: usize = 1 << 10;

/// The memory of bodies that are gone may take this part of the budget.
const SPARE: usize = 16;

/// Bounds the memory of all bodies that are being received at one time, whoever sends them.
#[derive(Debug)]
pub(crate) struct BodyBudget {
    free: Arc<Semaphore>,
    units: usize,
    spare: Arc<Spare>,
}

/// A body's part of the budget. Given back when it is dropped.
#[derive(Debug, Default)]
pub(crate) struct Share {
    permits: Option<OwnedSemaphorePermit>,
    /// The bytes that the permits stand for.
    bytes: usize,
}

impl BodyBudget {
    pub(crate) fn new(bytes: usize) -> Self {
        let units = bytes.div_ceil(UNIT).min(Semaphore::MAX_PERMITS);
        Self {
            free: Arc::new(Semaphore::new(units)),
            units,
            spare: Spare::new(bytes / SPARE),
        }
    }

    /// A buffer for a long body of this length, with the memory of one that is gone if there is one of about this size.
    pub(crate) fn buffer(&self, length: usize) -> Recycled {
        self.spare.take(length)
    }

    /// The bytes of the bodies that are being received, in whole KiB of each.
    pub(crate) fn in_use(&self) -> usize {
        self.units.saturating_sub(self.free.available_permits()) * UNIT
    }

    /// Gives the memory of bodies that are gone back.
    pub(crate) fn shrink(&self) {
        self.spare.clear();
    }

    /// Waits until a body may have grown to so many bytes. While it waits, its sender is not read from.
    pub(crate) async fn grow(&self, share: &mut Share, bytes: usize) {
        // A list of keys may be longer than the whole of a small budget.
        let bytes = bytes.min(self.units * UNIT);
        let missing = bytes.saturating_sub(share.bytes).div_ceil(UNIT);
        let Some(missing) = u32::try_from(missing).ok().filter(|missing| *missing > 0) else {
            return;
        };
        // The semaphore is never closed.
        if let Ok(more) = Arc::clone(&self.free).acquire_many_owned(missing).await {
            share.bytes += missing as usize * UNIT;
            match &mut share.permits {
                Some(permits) => permits.merge(more),
                None => share.permits = Some(more),
            }
        }
    }

    /// Room for a body of so many bytes as a whole, or for as much as the budget has, if it is there now.
    pub(crate) fn share_now(&self, bytes: usize) -> Option<Share> {
        let units = bytes.div_ceil(UNIT).min(self.units);
        let permits = Arc::clone(&self.free).try_acquire_many_owned(u32::try_from(units).ok()?);
        Some(Share {
            permits: Some(permits.ok()?),
            bytes: units * UNIT,
        })
    }

    /// Waits until there is room for a body of so many bytes as a whole, or for as much as the budget has.
    pub(crate) fn share(self: &Arc<Self>, bytes: usize) -> BoxFuture<'static, Share> {
        let budget = Arc::clone(self);
        Box::pin(async move {
            let mut share = Share::default();
            budget.grow(&mut share, bytes).await;
            share
        })
    }
}

impl Share {
    /// Gives back what a body of so many bytes does not need.
    pub(crate) fn shrink(&mut self, bytes: usize) {
        let units = bytes.div_ceil(UNIT);
        let kept = self
            .permits
            .as_mut()
            .and_then(|permits| permits.split(units));
        if let Some(kept) = kept {
            self.permits = Some(kept);
            self.bytes = units * UNIT;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    #[test]
    fn a_share_that_is_there_now_gives_back_what_its_body_does_not_need() {
        let budget = Arc::new(BodyBudget::new(10 * UNIT));
        let mut share = budget.share_now(8 * UNIT).unwrap();
        assert!(budget.share_now(3 * UNIT).is_none());
        share.shrink(9 * UNIT);
        assert_eq!(budget.in_use(), 8 * UNIT, "it does not grow");
        share.shrink(UNIT + 1);
        assert_eq!(budget.in_use(), 2 * UNIT);
        let whole = budget.share_now(100 * UNIT);
        assert!(whole.is_none(), "as much as the budget has is not free");
        share.shrink(0);
        assert_eq!(budget.in_use(), 0);
        let whole = budget.share_now(100 * UNIT).unwrap();
        assert_eq!(budget.in_use(), 10 * UNIT);
        drop((share, whole));
        assert_eq!(budget.in_use(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn bodies_beyond_the_budget_wait_until_others_are_gone() {
        let budget = BodyBudget::new(10 * UNIT);
        let (mut one, mut other) = (Share::default(), Share::default());
        budget.grow(&mut one, 1).await;
        budget.grow(&mut one, UNIT).await;
        assert_eq!(budget.free.available_permits(), 9, "both fit into one unit");
        budget.grow(&mut one, 7 * UNIT).await;
        budget.grow(&mut other, 3 * UNIT).await;
        let second = Duration::from_secs(1);
        let growing = timeout(second, budget.grow(&mut other, 4 * UNIT));
        assert!(growing.await.is_err());
        drop(one);
        budget.grow(&mut other, 10 * UNIT).await;
        drop(other);
        assert_eq!(budget.free.available_permits(), 10);
    }
}
