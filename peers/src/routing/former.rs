use std::collections::HashMap;
use std::iter;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use super::peer::Peer;
use super::routes::Routes;

/// The most changes of the membership that are remembered.
const MOST_CHANGES: usize = 16;

/// The most former owners of a key that are asked.
const MOST_OWNERS: usize = 2;

/// The routes before each change of the membership, for as long as its hand-over window lasts.
#[derive(Debug)]
pub(super) struct Former {
    /// The latest change first.
    changes: Vec<Change>,
    /// Former owners that did not answer in time, by their ids. A change of the members forgets those whose pause is over.
    slow: Mutex<HashMap<Box<str>, Slow>>,
}

/// A change of the membership.
#[derive(Clone, Debug)]
struct Change {
    /// The routes that it has replaced.
    before: Arc<Routes>,
    /// When its window ends. `None`: never.
    until: Option<Instant>,
}

/// A former owner that did not answer in time. Each pause is twice as long as the one before.
#[derive(Clone, Debug, Default)]
struct Slow {
    times: u32,
    until: Option<Instant>,
}

impl Slow {
    fn is_paused(&self, now: Instant) -> bool {
        self.until.is_some_and(|until| now < until)
    }
}

/// The first pause of a former owner, and the longest one.
const SLOW_PAUSES: [Duration; 2] = [Duration::from_millis(250), Duration::from_secs(5)];

impl Former {
    /// The routes that a change at this moment replaces, with those of earlier changes. They count for `window`.
    pub(super) fn new(before: Arc<Routes>, earlier: Option<&Self>, window: Duration) -> Self {
        let now = Instant::now();
        let until = now.checked_add(window);
        let slow = earlier.map(|earlier| earlier.slow.lock().clone());
        let mut slow = slow.unwrap_or_default();
        slow.retain(|_, slow| slow.is_paused(now));
        let earlier = earlier.into_iter().flat_map(Self::recent).cloned();
        let changes = iter::once(Change { before, until }).chain(earlier);
        Self {
            changes: changes.take(MOST_CHANGES).collect(),
            slow: Mutex::new(slow),
        }
    }

    /// The changes whose windows have not ended.
    fn recent(&self) -> impl Iterator<Item = &Change> {
        let now = Instant::now();
        let changes = self.changes.iter();
        changes.filter(move |change| change.until.is_none_or(|until| now < until))
    }

    /// Whether all windows have ended.
    pub(super) fn is_over(&self) -> bool {
        self.recent().next().is_none()
    }

    /// The other nodes that owned `key`, the latest first, but for those that are paused. To a node that was
    /// alone, the first other owner in the `current` routes counts as one.
    pub(super) fn owners(&self, key: &[u8], current: &Routes) -> Vec<Peer> {
        let now = Instant::now();
        let mut owners = Vec::<Peer>::new();
        for Change { before, .. } in self.recent() {
            let owner = match before.peers().iter().all(Peer::is_self) {
                true => current.owners(key).find(|peer| !peer.is_self()),
                false => before.owner(key).filter(|peer| !peer.is_self()),
            };
            let is_known = |peer: &Peer| owners.iter().any(|known| known.member() == peer.member());
            let owner = owner.filter(|peer| !is_known(peer) && !self.is_paused(peer, now));
            owners.extend(owner.cloned());
        }
        owners.truncate(MOST_OWNERS);
        owners
    }

    fn is_paused(&self, peer: &Peer, now: Instant) -> bool {
        let slow = self.slow.lock();
        let slow = slow.get(peer.member().id());
        slow.is_some_and(|slow| slow.is_paused(now))
    }

    /// Pauses a former owner that did not answer in time.
    pub(super) fn pause(&self, owner: &Peer) {
        let [first, longest] = SLOW_PAUSES;
        let mut slow = self.slow.lock();
        let slow = slow.entry(owner.member().id().into()).or_default();
        let pause = longest.min(first.saturating_mul(1 << slow.times.min(16)));
        slow.times = slow.times.saturating_add(1);
        slow.until = Some(Instant::now() + pause);
    }
}
