//! Removals, sets and clears that a peer could not be told are told again, until it has been reached.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use peers::{Peer, Phase};
use tokio::time::Instant;

use super::change::Change;
use super::inner::Inner;
use crate::Key;

/// How long it is waited before a peer is told again, at first and at most; twice as long each time.
const PAUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(30)];

/// What peers have to be told again, by their members' ids. Each has a task that sees to it.
#[derive(Default)]
pub(super) struct Backlogs(Mutex<HashMap<Box<str>, Backlog>>);

/// What one peer has to be told again.
#[derive(Debug, Default)]
struct Backlog {
    /// The keys that it has to forget. What a key was set to is not kept: by then it may be outdated.
    keys: HashSet<Key>,
    bytes: usize,
    /// It has to forget all keys: that was asked for, or these are too many.
    all: bool,
    /// When the last of these changes was made.
    since: Option<Instant>,
}

impl Backlog {
    fn is_empty(&self) -> bool {
        self.keys.is_empty() && !self.all
    }

    fn add(&mut self, keys: impl IntoIterator<Item = Key>, all: bool, limit: usize) {
        self.all |= all;
        for key in keys {
            let bytes = charge(&key);
            if !self.all && self.keys.insert(key) {
                self.bytes += bytes;
                self.all = self.bytes > limit;
            }
        }
        if self.all {
            (self.keys, self.bytes) = Default::default();
        }
    }

    fn change(&self) -> Change {
        match self.all {
            true => Change::Clear,
            false => Change::Remove(self.keys.iter().cloned().collect()),
        }
    }
}

impl Backlogs {
    /// Keeps a change for a peer. Whether somebody has to see to it.
    fn add(&self, id: &str, change: Change, limit: usize) -> bool {
        let mut backlogs = self.0.lock();
        let is_new = !backlogs.contains_key(id);
        let backlog = backlogs.entry(id.into()).or_default();
        backlog.since = Some(Instant::now());
        match change {
            Change::Remove(keys) => backlog.add(keys, false, limit),
            Change::Set(key, _) => backlog.add([key], false, limit),
            Change::Clear => backlog.add([], true, limit),
        }
        is_new
    }

    /// What a peer has to be told now; `None` if there is nothing, and nobody has to see to it any more.
    fn take(&self, id: &str) -> Option<Backlog> {
        let mut backlogs = self.0.lock();
        match backlogs.get_mut(id) {
            Some(backlog) if !backlog.is_empty() => Some(std::mem::take(backlog)),
            _ => {
                backlogs.remove(id);
                None
            }
        }
    }

    /// The peer has been told a change after all: not to be undone by an older one.
    pub(super) fn told(&self, id: &str, change: &Change) {
        let mut backlogs = self.0.lock();
        let Some(backlog) = backlogs.get_mut(id) else {
            return;
        };
        let keys = match change {
            Change::Remove(keys) => keys.as_slice(),
            Change::Set(key, _) => std::slice::from_ref(key),
            Change::Clear => {
                *backlog = Backlog::default();
                return;
            }
        };
        for key in keys {
            if backlog.keys.remove(key) {
                backlog.bytes -= charge(key);
            }
        }
    }

    /// Keeps what could not be told once more.
    fn put_back(&self, id: &str, untold: Backlog, limit: usize) {
        let mut backlogs = self.0.lock();
        let backlog = backlogs.entry(id.into()).or_default();
        backlog.since = backlog.since.max(untold.since);
        backlog.add(untold.keys, untold.all, limit);
    }

    /// How many keys have to be told again, over all peers; all keys of a peer count as one.
    pub(super) fn count(&self) -> u64 {
        let backlogs = self.0.lock();
        backlogs
            .values()
            .map(|backlog| backlog.keys.len() as u64 + u64::from(backlog.all))
            .sum()
    }
}

impl Inner {
    /// Has a peer told again what it could not be told.
    pub(super) fn tell_again(self: &Arc<Self>, peer: &Peer, change: Change, error: &peers::Error) {
        // A value that is too large leaves an older one there, which has to go.
        let is_final =
            is_final(error) && !matches!(change, Change::Set(..) if error.is_too_large());
        if self.limits.redeliver_for.is_zero() || is_final {
            return;
        }
        let id = peer.member().id();
        if self.backlogs.add(id, change, self.limits.max_backlog_bytes) {
            let (group, id) = (Arc::downgrade(self), id.into());
            self.runtime.spawn(Self::redeliver(group, id));
        }
    }

    /// Tells a peer what it has missed, again and again, until it has been told all, is no member any
    /// more, or too long has passed.
    async fn redeliver(group: Weak<Self>, id: Box<str>) {
        let [mut pause, longest] = PAUSES;
        loop {
            tokio::time::sleep(pause).await;
            let Some(inner) = group.upgrade() else { return };
            let Some(backlog) = inner.backlogs.take(&id) else {
                return;
            };
            pause = match inner.tell_backlog(&id, backlog).await {
                true => PAUSES[0],
                false => longest.min(2 * pause),
            };
        }
    }

    /// Whether the peer has been told, or need not be.
    async fn tell_backlog(&self, id: &str, backlog: Backlog) -> bool {
        let routes = self.router.snapshot();
        let mut peers = routes.peers().iter();
        let Some(peer) = peers.find(|peer| peer.member().id() == id && !peer.is_self()) else {
            return true;
        };
        let Err(error) = self.tell_peer(peer, &backlog.change(), Phase::Only).await else {
            return true;
        };
        let (group, peer) = (&self.name, peer.member());
        let waited = backlog.since.map(|since| since.elapsed());
        if is_final(&error) || waited.is_some_and(|waited| waited >= self.limits.redeliver_for) {
            tracing::warn!(%group, %peer, %error, "gave up telling a peer what was removed");
            return true;
        }
        tracing::debug!(%group, %peer, %error, "a peer still has to be told what was removed");
        let limit = self.limits.max_backlog_bytes;
        self.backlogs.put_back(id, backlog, limit);
        false
    }
}

/// What a key takes up of the limit.
fn charge(key: &Key) -> usize {
    size_of::<Key>() + key.allocated()
}

/// Whether it makes no sense to try again: the peer has nothing to forget, or will never understand.
fn is_final(error: &peers::Error) -> bool {
    error.is_unsupported() || error.is_no_such_group() || error.is_too_large()
}

#[cfg(test)]
mod tests {
    use super::super::limits::Limits;
    use super::*;

    fn remove(keys: &[&str]) -> Change {
        Change::Remove(keys.iter().map(|key| Key::from(*key)).collect())
    }

    fn told(backlog: &Backlog) -> Option<Vec<String>> {
        match backlog.change() {
            Change::Remove(keys) => {
                let mut keys: Vec<_> = keys.iter().map(Key::to_string).collect();
                keys.sort();
                Some(keys)
            }
            _ => None,
        }
    }

    #[test]
    fn a_key_is_kept_once_and_the_first_to_add_sees_to_it() {
        let backlogs = Backlogs::default();
        assert!(backlogs.add("p", remove(&["a", "b"]), 1000));
        assert!(!backlogs.add("p", remove(&["b", "c"]), 1000));
        assert!(backlogs.add("q", remove(&["a"]), 1000));
        assert_eq!(backlogs.count(), 4);
        let backlog = backlogs.take("p").unwrap();
        assert_eq!(told(&backlog).unwrap(), ["a", "b", "c"]);
        assert!(!backlogs.add("p", remove(&["d"]), 1000), "it is seen to");
        assert_eq!(told(&backlogs.take("p").unwrap()).unwrap(), ["d"]);
        assert!(backlogs.take("p").is_none());
        assert!(backlogs.add("p", remove(&["e"]), 1000));
    }

    #[test]
    fn the_default_holds_as_many_short_keys_as_the_builder_says() {
        let charge = charge(&Key::from("short"));
        assert_eq!(Limits::default().max_backlog_bytes / charge, 174_762);
    }

    #[test]
    fn more_keys_than_the_limit_are_all_keys() {
        let backlogs = Backlogs::default();
        let limit = 2 * charge(&Key::from("a"));
        backlogs.add("p", remove(&["a", "b"]), limit);
        backlogs.add("p", remove(&["a"]), limit);
        assert_eq!(backlogs.count(), 2);
        backlogs.add("p", remove(&["c"]), limit);
        backlogs.add("p", remove(&["d"]), limit);
        assert_eq!(backlogs.count(), 1);
        assert_eq!(told(&backlogs.take("p").unwrap()), None);
    }

    #[test]
    fn what_was_told_after_all_is_not_told_again() {
        let backlogs = Backlogs::default();
        backlogs.add("p", remove(&["a", "b", "c"]), 1000);
        backlogs.told("p", &Change::Set(Key::from("a"), "new".into()));
        backlogs.told("p", &remove(&["b", "x"]));
        backlogs.told("q", &Change::Clear);
        assert_eq!(told(&backlogs.take("p").unwrap()).unwrap(), ["c"]);
        backlogs.add("p", Change::Clear, 1000);
        backlogs.told("p", &Change::Clear);
        assert_eq!(backlogs.count(), 0);
        assert!(backlogs.take("p").is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_put_back_joins_what_came_meanwhile_and_is_told_as_long() {
        let backlogs = Backlogs::default();
        backlogs.add("p", remove(&["a"]), 1000);
        let untold = backlogs.take("p").unwrap();
        tokio::time::advance(Duration::from_secs(1)).await;
        let later = Instant::now();
        backlogs.add("p", remove(&["b"]), 1000);
        backlogs.put_back("p", untold, 1000);
        let backlog = backlogs.take("p").unwrap();
        assert_eq!(told(&backlog).unwrap(), ["a", "b"]);
        assert_eq!(backlog.since, Some(later));
    }
}
