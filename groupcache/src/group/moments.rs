//! Values that stop being fresh at a moment of the wall clock.
//!
//! An entry ages by the node's own clock, which runs evenly and stands still while the machine sleeps. When the value comes,
//! its moment is translated to that clock. If the wall clock goes ahead later, because it is set or the machine has slept, the
//! translations are wrong. So a task compares the two clocks, and then the group forgets its values.
//!
//! A group without such values has no such task.

use std::sync::Weak;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant, SystemTime};

use tokio::runtime::Handle;
use tokio::time::{MissedTickBehavior, interval};

use super::inner::Inner;
use crate::lifetime::Lifetime;

/// How often the task compares the clocks.
const INTERVAL: Duration = Duration::from_millis(200);

/// How far the wall clock may go ahead between two looks. It is adjusted in smaller steps all the time.
const TOLERANCE: Duration = Duration::from_secs(1);

/// Starts the task that watches the clocks of a group with the first value that has a moment. The task ends with the group.
#[derive(Debug)]
pub(super) struct Moments {
    group: Weak<Inner>,
    is_watched: AtomicBool,
}

impl Moments {
    pub(super) fn new(group: Weak<Inner>) -> Self {
        Self {
            group,
            is_watched: AtomicBool::new(false),
        }
    }

    /// Notes a value that was stored.
    #[inline]
    pub(super) fn note(&self, lifetime: Lifetime, runtime: &Handle) {
        if lifetime.is_of_moment && !self.is_watched.load(Relaxed) {
            self.begin(runtime);
        }
    }

    #[cold]
    fn begin(&self, runtime: &Handle) {
        if !self.is_watched.swap(true, Relaxed)
            && let Some(group) = self.group.upgrade()
        {
            runtime.spawn(watch(self.group.clone(), group.clocks()));
        }
    }
}

/// The node's own clock and the wall clock, read at the same time.
type Clocks = (Instant, SystemTime);

async fn watch(group: Weak<Inner>, mut before: Clocks) {
    let mut ticks = interval(INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let Some(group) = group.upgrade() else { return };
        let now = group.clocks();
        if ahead(before, now) > TOLERANCE {
            tracing::info!(group = %group.name, "the values of a group are forgotten: the wall clock has gone ahead");
            group.clear_here(None);
        }
        before = now;
    }
}

/// How much more time has passed by the wall clock.
fn ahead(before: Clocks, now: Clocks) -> Duration {
    let passed = now.1.duration_since(before.1).unwrap_or_default();
    passed.saturating_sub(now.0.saturating_duration_since(before.0))
}

impl Inner {
    fn clocks(&self) -> Clocks {
        (self.clock.now(), self.freshness.wall_clock.now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wall_clock_is_ahead_by_what_passed_on_it_alone() {
        let (start, wall) = (Instant::now(), SystemTime::now());
        let second = Duration::from_secs(1);
        let ahead =
            |own: Duration, passed: Duration| ahead((start, wall), (start + own, wall + passed));
        assert_eq!(ahead(second, 3 * second), 2 * second);
        assert_eq!(ahead(3 * second, second), Duration::ZERO);
        let back = (start + second, wall - second);
        assert_eq!(super::ahead((start, wall), back), Duration::ZERO);
    }
}
