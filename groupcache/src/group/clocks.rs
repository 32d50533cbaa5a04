//! The task that compares a node's two clocks, for a group with values that live until a moment.

use std::sync::Weak;
use std::time::{Duration, Instant, SystemTime};

use tokio::time::{MissedTickBehavior, interval};

use super::inner::Inner;
use crate::panics::survived;

/// How often the clocks are compared.
const INTERVAL: Duration = Duration::from_millis(200);

/// How far the wall clock may go ahead between two looks. It is adjusted in smaller steps all the time.
const TOLERANCE: Duration = Duration::from_secs(1);

/// The node's own clock and the wall clock, read at the same time.
type Clocks = (Instant, SystemTime);

/// Makes a group forget its values when the wall clock goes ahead, until the group is dropped.
pub(super) async fn watch(group: Weak<Inner>) {
    let mut ticks = interval(INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut before = None;
    loop {
        ticks.tick().await;
        let Some(group) = group.upgrade() else { return };
        let now = (group.clock.now(), group.freshness.wall_clock.now());
        if before.is_some_and(|before| ahead(before, now) > TOLERANCE) {
            let group_name = &group.name;
            tracing::info!(group = %group_name, "a group is cleared: the wall clock has gone ahead");
            survived("clock watch", async { group.clear_here(None) }).await;
        }
        before = Some(now);
    }
}

/// How much more time has passed by the wall clock.
fn ahead(before: Clocks, now: Clocks) -> Duration {
    let passed = now.1.duration_since(before.1).unwrap_or_default();
    passed.saturating_sub(now.0.saturating_duration_since(before.0))
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
