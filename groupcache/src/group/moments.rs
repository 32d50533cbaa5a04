//! Values that stop being fresh at a moment of the wall clock.
//!
//! An entry ages by the node's own clock, which runs evenly and stands still while the machine sleeps. When the value comes,
//! its moment is translated to that clock. The wall clock may go further than it later: it is set, or the machine has slept.
//! So a task looks at the wall clock again and again, and takes out the values whose moments are past.
//!
//! A group without such values has no such task, and an entry that ages as it should is left alone.

use std::collections::BTreeMap;
use std::sync::{OnceLock, Weak};
use std::time::{Duration, Instant, SystemTime};

use tokio::runtime::Handle;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{MissedTickBehavior, interval};

use super::inner::Inner;
use crate::Key;
use crate::lifetime::Lifetime;

/// How often the task looks at the wall clock.
const INTERVAL: Duration = Duration::from_millis(200);

/// How much sooner than its entry a moment has to be past. The two clocks never agree quite, and an entry that is about to
/// become stale may still be served as such.
const TOLERANCE: Duration = Duration::from_secs(1);

/// How many moments are kept before those of entries that are gone are looked for.
const FEW: usize = 1024;

/// Hands the moments of a group to the task that watches them, which the first one starts. The task ends with the group.
#[derive(Debug)]
pub(super) struct Moments {
    group: Weak<Inner>,
    watch: OnceLock<UnboundedSender<Noted>>,
}

/// A value that was kept until a moment.
#[derive(Debug)]
struct Noted {
    moment: SystemTime,
    key: Key,
    /// The same moment by the node's clock, as it was translated.
    fresh_until: Instant,
}

impl Moments {
    pub(super) fn new(group: Weak<Inner>) -> Self {
        Self {
            group,
            watch: OnceLock::new(),
        }
    }

    /// Watches the moment of a value that was stored, if it has one.
    #[inline]
    pub(super) fn note(&self, key: &Key, lifetime: Lifetime, runtime: &Handle) {
        if let (Some(moment), Some(fresh_until)) = (lifetime.moment, lifetime.fresh_until) {
            let noted = Noted {
                moment,
                key: key.clone(),
                fresh_until,
            };
            // A task that has gone has gone with its runtime.
            _ = self.watch.get_or_init(|| self.start(runtime)).send(noted);
        }
    }

    fn start(&self, runtime: &Handle) -> UnboundedSender<Noted> {
        let (sender, noted) = unbounded_channel();
        runtime.spawn(watch(self.group.clone(), noted));
        sender
    }
}

/// The moments that are to come, each with a number that tells equal ones apart.
type ToCome = BTreeMap<(SystemTime, u64), (Key, Instant)>;

async fn watch(group: Weak<Inner>, mut noted: UnboundedReceiver<Noted>) {
    let (mut to_come, mut number, mut most) = (ToCome::new(), 0, FEW);
    let mut ticks = interval(INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let is_idle = to_come.is_empty();
        tokio::select! {
            next = noted.recv() => {
                let Some(Noted { moment, key, fresh_until }) = next else { return };
                number += 1;
                to_come.insert((moment, number), (key, fresh_until));
            }
            _ = ticks.tick(), if !is_idle => {
                let Some(group) = group.upgrade() else { return };
                group.forget_past(&mut to_come);
            }
        }
        if to_come.len() > most {
            let Some(group) = group.upgrade() else { return };
            to_come
                .retain(|_, (key, fresh_until)| group.is_kept_until(key, *fresh_until).is_some());
            most = FEW.max(2 * to_come.len());
        }
    }
}

impl Inner {
    /// Takes the values out whose moments are past by the wall clock, and not by the node's own.
    fn forget_past(&self, to_come: &mut ToCome) {
        let now = self.freshness.wall_clock.now();
        while let Some(first) = to_come.first_entry() {
            if first.key().0 > now {
                return;
            }
            let (key, fresh_until) = first.remove();
            let left = self.is_kept_until(&key, fresh_until);
            if left.is_some_and(|left| left > TOLERANCE) {
                self.forget(&key);
            }
        }
    }

    /// For how long the entry of the key is still fresh, if it is the one that is so until this instant.
    fn is_kept_until(&self, key: &Key, until: Instant) -> Option<Duration> {
        let left = until.saturating_duration_since(self.clock.now());
        let fresh_for = self.store.inspect(key)?.fresh_for?;
        let millisecond = Duration::from_millis(1);
        (fresh_for.abs_diff(left) <= millisecond).then_some(fresh_for)
    }
}
