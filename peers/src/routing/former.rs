use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use super::peer::Peer;
use super::routes::Routes;

/// The routes before the last change of the membership, for as long as the hand-over window lasts.
#[derive(Debug)]
pub(super) struct Former {
    /// Empty if this node has just started.
    routes: Arc<Routes>,
    /// When the window ends. `None`: never.
    until: Option<Instant>,
    /// Former owners that did not answer in time, by their ids. At most as many as there are members.
    slow: Mutex<HashMap<Box<str>, Slow>>,
}

/// A former owner that did not answer in time. Each pause is twice as long as the one before.
#[derive(Debug, Default)]
struct Slow {
    times: u32,
    until: Option<Instant>,
}

/// The first pause of a former owner, and the longest one.
const SLOW_PAUSES: [Duration; 2] = [Duration::from_millis(250), Duration::from_secs(5)];

impl Former {
    /// The routes that a change at this moment replaces. They count for `window`.
    pub(super) fn new(routes: Arc<Routes>, window: Duration) -> Self {
        Self {
            routes,
            until: Instant::now().checked_add(window),
            slow: Mutex::default(),
        }
    }

    /// Whether the window has ended.
    pub(super) fn is_over(&self) -> bool {
        self.until.is_some_and(|until| until <= Instant::now())
    }

    /// The other node that owned `key`, unless the node is paused. If this node has
    /// just started, it is the first other owner in the `current` routes.
    pub(super) fn owner(&self, key: &[u8], current: &Routes) -> Option<Peer> {
        let now = Instant::now();
        let peer = match self.routes.owner(key) {
            Some(owner) => Some(owner).filter(|owner| !owner.is_self()),
            None => current.owners(key).find(|peer| !peer.is_self()),
        }?;
        if self.is_paused(peer, now) {
            return None;
        }
        Some(peer.clone())
    }

    fn is_paused(&self, peer: &Peer, now: Instant) -> bool {
        let slow = self.slow.lock();
        let pause = slow.get(peer.member().id()).and_then(|slow| slow.until);
        pause.is_some_and(|until| now < until)
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
