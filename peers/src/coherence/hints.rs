use std::collections::{HashMap, HashSet};
use std::slice;
use std::time::{Duration, Instant};

use bytes::Bytes;
use parking_lot::Mutex;

/// The pause before a hint is delivered, and the longest one. It doubles with every failure.
const PAUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(30)];

/// The keys that a change concerns.
#[derive(Clone, Copy, Debug)]
pub enum Scope<'a, K> {
    /// These keys, which were removed.
    Keys(&'a [K]),
    /// This key, which got a new value.
    Value(&'a K),
    /// All keys of the group.
    All,
}

impl<'a, K> Scope<'a, K> {
    /// The keys; `None` for all.
    fn keys(self) -> Option<&'a [K]> {
        match self {
            Self::Keys(keys) => Some(keys),
            Self::Value(key) => Some(slice::from_ref(key)),
            Self::All => None,
        }
    }
}

/// The changes that peers have yet to hear of, by the peer's id. Each entry has one task that
/// delivers it.
#[derive(Debug)]
pub(super) struct Hints {
    by_peer: Mutex<HashMap<Box<str>, Hint>>,
    /// The most bytes that the keys of one hint may take.
    max_bytes: usize,
}

/// The changes that one peer has yet to hear of. A hint holds keys and no values: by the time of its
/// delivery a value could be outdated, and forgetting a key is always correct.
#[derive(Debug, Default)]
pub struct Hint {
    keys: HashSet<Bytes>,
    bytes: usize,
    /// Whether the peer has to forget all keys: a clear did not reach it, or the keys are too many.
    all: bool,
    /// When the latest of these changes was made.
    since: Option<Instant>,
    /// Attempts that failed so far.
    failures: u32,
}

impl Hint {
    /// The keys that the peer has to forget; `None` for all of the group.
    pub fn keys(&self) -> Option<Vec<&[u8]>> {
        (!self.all).then(|| self.keys.iter().map(|key| &**key).collect())
    }

    /// How long ago the latest of these changes was made.
    pub(super) fn age(&self, now: Instant) -> Duration {
        let age = |since| now.saturating_duration_since(since);
        self.since.map(age).unwrap_or_default()
    }

    fn is_empty(&self) -> bool {
        self.keys.is_empty() && !self.all
    }

    fn add(&mut self, keys: impl IntoIterator<Item = Bytes>, max_bytes: usize) {
        for key in keys {
            let bytes = charge(&key);
            if !self.all && self.keys.insert(key) {
                self.bytes += bytes;
                if self.bytes > max_bytes {
                    self.add_all();
                }
            }
        }
    }

    fn add_all(&mut self) {
        self.all = true;
        (self.keys, self.bytes) = Default::default();
    }
}

impl Hints {
    pub(super) fn new(max_bytes: usize) -> Self {
        Self {
            by_peer: Mutex::default(),
            max_bytes,
        }
    }

    /// Keeps a change for a peer, and says whether the caller has to start the task that delivers it.
    pub(super) fn add<K: AsRef<[u8]>>(
        &self,
        peer: &str,
        scope: Scope<'_, K>,
        now: Instant,
    ) -> bool {
        let mut by_peer = self.by_peer.lock();
        let is_new = !by_peer.contains_key(peer);
        let hint = by_peer.entry(peer.into()).or_default();
        hint.since = Some(now);
        match scope.keys() {
            Some(keys) => {
                let keys = keys.iter().map(|key| Bytes::copy_from_slice(key.as_ref()));
                hint.add(keys, self.max_bytes);
            }
            None => hint.add_all(),
        }
        is_new
    }

    /// Takes a peer's hint out for delivery; `None` if there is nothing to deliver, in which case the
    /// delivering task has to end.
    pub(super) fn take(&self, peer: &str) -> Option<Hint> {
        let mut by_peer = self.by_peer.lock();
        match by_peer.get_mut(peer) {
            // An empty hint stays, as a sign that its task is at work.
            Some(hint) if !hint.is_empty() => Some(std::mem::take(hint)),
            _ => {
                by_peer.remove(peer);
                None
            }
        }
    }

    /// Drops what a change that reached the peer has made needless: the hint must not undo it.
    pub(super) fn supersede<K: AsRef<[u8]>>(&self, peer: &str, scope: Scope<'_, K>) {
        let mut by_peer = self.by_peer.lock();
        let Some(hint) = by_peer.get_mut(peer) else {
            return;
        };
        let Some(keys) = scope.keys() else {
            *hint = Hint::default();
            return;
        };
        for key in keys {
            if hint.keys.remove(key.as_ref()) {
                hint.bytes -= charge(key.as_ref());
            }
        }
    }

    /// Keeps a hint whose delivery failed, and returns the pause before the next attempt.
    pub(super) fn put_back(&self, peer: &str, undelivered: Hint) -> Duration {
        let mut by_peer = self.by_peer.lock();
        let hint = by_peer.entry(peer.into()).or_default();
        hint.since = hint.since.max(undelivered.since);
        hint.failures = undelivered.failures.saturating_add(1);
        hint.add(undelivered.keys, self.max_bytes);
        if undelivered.all {
            hint.add_all();
        }
        pause_after(hint.failures)
    }

    /// The number of keys in all hints. All keys of a peer count as one.
    pub(super) fn count(&self) -> u64 {
        let by_peer = self.by_peer.lock();
        let count = |hint: &Hint| hint.keys.len() as u64 + u64::from(hint.all);
        by_peer.values().map(count).sum()
    }
}

/// The pause before an attempt that follows so many failures.
pub(super) fn pause_after(failures: u32) -> Duration {
    let [first, longest] = PAUSES;
    longest.min(first.saturating_mul(1 << failures.min(16)))
}

/// What a key takes of the limit: its place in the set, and what it allocates.
fn charge(key: &[u8]) -> usize {
    const ALLOCATION: usize = 2 * size_of::<usize>();
    size_of::<Bytes>() + ALLOCATION + key.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hints(keys: usize) -> (Hints, Instant) {
        (Hints::new(keys * charge(b"a")), Instant::now())
    }

    fn keys_of(hint: &Hint) -> Option<Vec<&[u8]>> {
        let mut keys = hint.keys()?;
        keys.sort_unstable();
        Some(keys)
    }

    const ALL: Scope<'static, &str> = Scope::All;

    #[test]
    fn a_key_is_kept_once_and_the_first_change_starts_the_delivery() {
        let (hints, now) = hints(10);
        assert!(hints.add("p", Scope::Keys(&["a", "b"]), now));
        assert!(!hints.add("p", Scope::Keys(&["b", "c"]), now));
        assert!(hints.add("q", Scope::Keys(&["a"]), now));
        assert_eq!(hints.count(), 4);
        let hint = hints.take("p").unwrap();
        assert_eq!(keys_of(&hint).unwrap(), [b"a", b"b", b"c"]);
        assert!(
            !hints.add("p", Scope::Keys(&["d"]), now),
            "its task is at work"
        );
        assert_eq!(keys_of(&hints.take("p").unwrap()).unwrap(), [b"d"]);
        assert!(hints.take("p").is_none());
        assert!(hints.add("p", Scope::Keys(&["e"]), now));
    }

    #[test]
    fn more_keys_than_the_limit_become_all_keys() {
        let (hints, now) = hints(2);
        hints.add("p", Scope::Keys(&["a", "b"]), now);
        hints.add("p", Scope::Keys(&["a"]), now);
        assert_eq!(hints.count(), 2);
        hints.add("p", Scope::Keys(&["c"]), now);
        hints.add("p", Scope::Keys(&["d"]), now);
        assert_eq!(hints.count(), 1);
        assert_eq!(hints.take("p").unwrap().keys(), None);
    }

    #[test]
    fn a_change_that_reached_the_peer_is_taken_out_of_its_hint() {
        let (hints, now) = hints(10);
        hints.add("p", Scope::Keys(&["a", "b", "c"]), now);
        hints.supersede("p", Scope::Value(&"a"));
        hints.supersede("p", Scope::Keys(&["b", "x"]));
        hints.supersede("q", ALL);
        assert_eq!(keys_of(&hints.take("p").unwrap()).unwrap(), [b"c"]);
        hints.add("p", ALL, now);
        hints.supersede("p", ALL);
        assert_eq!(hints.count(), 0);
        assert!(hints.take("p").is_none());
    }

    #[test]
    fn a_hint_that_is_put_back_joins_newer_changes_and_lives_as_long_as_they_do() {
        let (hints, now) = hints(10);
        let later = now + Duration::from_secs(1);
        hints.add("p", Scope::Keys(&["a"]), now);
        let undelivered = hints.take("p").unwrap();
        hints.add("p", Scope::Keys(&["b"]), later);
        hints.put_back("p", undelivered);
        let hint = hints.take("p").unwrap();
        assert_eq!(keys_of(&hint).unwrap(), [b"a", b"b"]);
        assert_eq!(
            hint.age(later + Duration::from_secs(5)),
            Duration::from_secs(5)
        );
    }

    #[test]
    fn pauses_double_from_a_second_to_half_a_minute_and_begin_anew_after_a_success() {
        let (hints, now) = hints(10);
        assert_eq!(pause_after(0), PAUSES[0]);
        hints.add("p", Scope::Keys(&["a"]), now);
        for seconds in [2, 4, 8, 16, 30, 30] {
            let undelivered = hints.take("p").unwrap();
            assert_eq!(
                hints.put_back("p", undelivered),
                Duration::from_secs(seconds)
            );
        }
        drop(hints.take("p"));
        hints.add("p", Scope::Keys(&["b"]), now);
        let undelivered = hints.take("p").unwrap();
        assert_eq!(hints.put_back("p", undelivered), Duration::from_secs(2));
    }
}
