//! What this node has missed: removals and sets of keys that others own, of which nobody could tell
//! it, or which it was told before it got hold of an old value once more.
//!
//! Every node keeps a [log](super::change_log) of the changes of its own keys, and a reply says how
//! far that has got. Who is behind asks for the rest, and forgets those keys. Peers that this node
//! has not heard of for a while are asked in rounds, so that it is bounded how long it serves an
//! old mirror.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use peers::{Changes, ChangesRequest, LogPosition, Peer, Routes};
use tokio::time::Instant;

use super::change::others;
use super::inner::Inner;

/// Who did not say what has changed, or said that anything may have, is left alone for so long, before a
/// reply makes this node ask again.
const PAUSE: Duration = Duration::from_secs(1);

/// How far the logs of the peers are known, by their members' ids. About as many as there are members.
#[derive(Default)]
pub(super) struct KnownLogs(Mutex<HashMap<Box<str>, Known>>);

#[derive(Default)]
struct Known {
    position: LogPosition,
    /// When a reply last told of nothing more than this.
    up_to_date: Option<Instant>,
    /// When the peer was last asked to no avail, or at a great cost.
    pausing_since: Option<Instant>,
    /// Whether it is being asked.
    asked: bool,
}

impl KnownLogs {
    /// Whether a peer has to be asked what this node has missed, which is up to the caller then.
    fn have_to_ask(&self, id: &str, told: LogPosition, routes: &Routes) -> bool {
        let mut peers = self.0.lock();
        let known = known(&mut peers, id, routes);
        let seen = match known.position.log == told.log {
            true => known.position.changes,
            false => 0,
        };
        if told.changes <= seen {
            if known.position.log != told.log {
                known.position = told; // a new log, with nothing in it
            }
            known.up_to_date = Some(Instant::now());
            return false;
        }
        let pausing = known.pausing_since.is_some_and(|at| at.elapsed() < PAUSE);
        !pausing && !std::mem::replace(&mut known.asked, true)
    }

    /// Whether a peer that nothing was heard of for so long has to be asked, which is up to the
    /// caller then.
    fn have_to_ask_after(&self, id: &str, silence: Duration, routes: &Routes) -> bool {
        let mut peers = self.0.lock();
        let known = known(&mut peers, id, routes);
        let heard = known.up_to_date.is_some_and(|at| at.elapsed() < silence);
        !heard && !std::mem::replace(&mut known.asked, true)
    }

    /// To be held while a peer that has to be asked is.
    fn asking<'a>(&'a self, id: &'a str) -> Asking<'a> {
        let peers = self.0.lock();
        Asking {
            logs: self,
            id,
            since: peers
                .get(id)
                .map(|known| known.position)
                .unwrap_or_default(),
            told: None,
            swept: false,
        }
    }
}

/// A peer is being asked what has changed.
struct Asking<'a> {
    logs: &'a KnownLogs,
    id: &'a str,
    /// How far its log is known.
    since: LogPosition,
    /// How far it is known once this node has done what it said.
    told: Option<LogPosition>,
    /// Whether it said that any key may have changed.
    swept: bool,
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        if let Some(known) = self.logs.0.lock().get_mut(self.id) {
            known.asked = false;
            if let Some(position) = self.told {
                known.position = position;
                known.up_to_date = Some(Instant::now());
            }
            if self.told.is_none() || self.swept {
                known.pausing_since = Some(Instant::now());
            }
        }
    }
}

/// What is known of a peer. Makes room for a new one by forgetting those who are no members any more.
fn known<'a>(peers: &'a mut HashMap<Box<str>, Known>, id: &str, routes: &Routes) -> &'a mut Known {
    if !peers.contains_key(id) && peers.len() > 2 * routes.peers().len() {
        let members: HashSet<&str> = routes
            .peers()
            .iter()
            .map(|peer| peer.member().id())
            .collect();
        peers.retain(|id, _| members.contains(&**id));
    }
    peers.entry(id.into()).or_default()
}

impl Inner {
    /// Takes note of how far a peer's log has got, as a reply told, and sends for what this node has
    /// missed.
    pub(super) fn heard(self: &Arc<Self>, peer: &Peer, position: Option<LogPosition>) {
        let Some(position) = position else { return };
        let routes = self.router.routes();
        let id = peer.member().id();
        if self.known_logs.have_to_ask(id, position, &routes) {
            self.spawn_catch_up(peer.clone());
        }
    }

    /// Asks a peer what has changed, and forgets that.
    async fn catch_up(self: &Arc<Self>, peer: &Peer) {
        let mut asking = self.known_logs.asking(peer.member().id());
        let request = ChangesRequest {
            group: &self.name,
            since: asking.since,
        };
        match peer.changes(request).await {
            Ok(changes) => {
                let knew_log = asking.since.log == changes.position.log;
                if self.forget_changed(&changes, knew_log) {
                    asking.swept = true;
                    let inner = Arc::clone(self);
                    // Looks at every entry, which takes its time.
                    let sweep = move || inner.forget_others_keys();
                    if let Err(error) = self.runtime.spawn_blocking(sweep).await {
                        tracing::error!(group = %self.name, %error, "a sweep failed");
                        return;
                    }
                }
                asking.told = Some(changes.position);
            }
            Err(error) => {
                let (group, peer) = (&self.name, peer.member());
                tracing::debug!(%group, %peer, %error, "changes not told");
            }
        }
    }

    /// Forgets keys that have changed, but for what this node was told of. Whether any key may have.
    fn forget_changed(&self, changes: &Changes, knew_log: bool) -> bool {
        let mut all = changes.all;
        if !knew_log {
            // Most of it was long before this node came to be, which is no reason to break off what it
            // loads itself, or not to ask a former owner.
            self.fence.raise_mirrors();
        }
        for change in &changes.changes {
            match &change.key {
                _ if self.was_told(change.number) => {}
                Some(key) if knew_log => self.forget(&[key]),
                Some(key) => self.forget_mirror(key),
                None => all = true,
            }
        }
        all
    }

    /// Asks all peers that this node has not heard of for `every`, again and again, until the group is
    /// gone.
    pub(super) async fn catch_up_in_rounds(group: Weak<Self>, every: Duration) {
        loop {
            tokio::time::sleep(every).await;
            let Some(inner) = group.upgrade() else { return };
            let routes = inner.router.snapshot();
            for peer in others(&routes) {
                let id = peer.member().id();
                if inner.known_logs.have_to_ask_after(id, every, &routes) {
                    // Not waited for, so that a slow one does not hold up the others.
                    inner.spawn_catch_up(peer);
                }
            }
        }
    }

    fn spawn_catch_up(self: &Arc<Self>, peer: Peer) {
        let inner = Arc::clone(self);
        self.runtime
            .spawn(async move { inner.catch_up(&peer).await });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(log: u64, changes: u64) -> LogPosition {
        LogPosition { log, changes }
    }

    fn have_to_ask(logs: &KnownLogs, told: LogPosition) -> bool {
        logs.have_to_ask("p", told, &Routes::default())
    }

    fn have_to_ask_after(logs: &KnownLogs, silence: Duration) -> bool {
        logs.have_to_ask_after("p", silence, &Routes::default())
    }

    #[tokio::test(start_paused = true)]
    async fn who_tells_of_more_is_asked_once_at_a_time() {
        let logs = KnownLogs::default();
        assert!(!have_to_ask(&logs, at(1, 0)), "nothing has changed");
        assert!(have_to_ask(&logs, at(1, 2)));
        assert!(!have_to_ask(&logs, at(1, 3)), "it is being asked");
        let mut asking = logs.asking("p");
        assert_eq!(asking.since, at(1, 0));
        asking.told = Some(at(1, 3));
        drop(asking);
        assert!(!have_to_ask(&logs, at(1, 2)), "a late reply");
        assert!(!have_to_ask(&logs, at(1, 3)));
        assert!(have_to_ask(&logs, at(1, 4)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_new_life_of_a_peer_is_asked_from_its_beginning() {
        let logs = KnownLogs::default();
        assert!(have_to_ask(&logs, at(1, 5)));
        logs.asking("p").told = Some(at(1, 5));
        assert!(have_to_ask(&logs, at(2, 3)), "though that is less");
        logs.asking("p").told = Some(at(2, 3));
        assert!(!have_to_ask(&logs, at(3, 0)), "there is nothing yet");
        assert_eq!(logs.asking("p").since, at(3, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn who_did_not_answer_or_swept_everything_away_is_left_alone_for_a_moment() {
        for swept in [false, true] {
            let logs = KnownLogs::default();
            assert!(have_to_ask(&logs, at(1, 5)));
            let mut asking = logs.asking("p");
            (asking.swept, asking.told) = (swept, swept.then_some(at(1, 5)));
            drop(asking);
            assert!(!have_to_ask(&logs, at(1, 6)));
            tokio::time::advance(PAUSE).await;
            assert!(have_to_ask(&logs, at(1, 6)));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_was_heard_of_lately_is_not_asked_in_a_round() {
        let (logs, every) = (KnownLogs::default(), Duration::from_secs(10));
        assert!(have_to_ask_after(&logs, every), "never heard of");
        logs.asking("p").told = Some(at(1, 1));
        assert!(!have_to_ask_after(&logs, every));
        tokio::time::advance(every / 2).await;
        assert!(!have_to_ask(&logs, at(1, 1)), "which was to be heard of");
        tokio::time::advance(every / 2).await;
        assert!(!have_to_ask_after(&logs, every));
        tokio::time::advance(every / 2).await;
        assert!(have_to_ask_after(&logs, every));
        assert!(!have_to_ask_after(&logs, every), "it is being asked");
    }
}
