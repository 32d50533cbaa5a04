use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::time::{Duration, Instant};

use bytes::Bytes;
use parking_lot::Mutex;

use super::scope::Scope;

/// The pause before a hint is delivered. It doubles with every failure.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// The longest pause before a hint is delivered again.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// The keys that peers have yet to forget, by the peer's id.
#[derive(Debug)]
pub(super) struct Hints {
    by_peer: Mutex<HashMap<Box<str>, Hint>>,
    /// The most bytes that the keys of one hint may take.
    max_bytes: usize,
}

/// The keys that one peer has yet to forget, because changes of them did not reach it. A hint holds no
/// values: by the time of its delivery a value could be outdated, and forgetting a key is always correct.
///
/// A hint stays here while it is delivered. So a change that reaches the peer meanwhile, or one that does
/// not, finds it.
#[derive(Debug, Default)]
struct Hint {
    /// The keys, each with the number of its latest change.
    keys: HashMap<Bytes, u64>,
    bytes: usize,
    /// The number of the change after which the peer has to forget all keys, zero for none: a clear did
    /// not reach the peer, or the keys became too many.
    all: u64,
    /// The number of changes so far.
    changes: u64,
    /// When the latest change was made.
    latest: Option<Instant>,
    /// The number of changes in the delivery under way, zero if there is none.
    out: u64,
    /// Deliveries that have failed since the last one that succeeded.
    failures: u32,
    /// Whether a task delivers the hint, or waits to do so.
    has_task: bool,
}

impl Hint {
    fn add<K: AsRef<[u8]>>(&mut self, keys: &[K], max_bytes: usize) {
        self.changes += 1;
        for key in keys {
            if self.all > self.out {
                return; // the peer will forget all keys
            }
            let key = Bytes::copy_from_slice(key.as_ref());
            let bytes = charge(&key);
            if self.keys.insert(key, self.changes).is_none() {
                self.bytes += bytes;
            }
            if self.bytes > max_bytes {
                self.add_all();
            }
        }
    }

    fn add_all(&mut self) {
        self.changes += 1;
        self.all = self.changes;
        (self.keys, self.bytes) = Default::default();
    }

    fn remove(&mut self, key: &[u8]) {
        if self.keys.remove(key).is_some() {
            self.bytes -= charge(key);
        }
    }

    /// Drops the changes up to one with this number.
    fn drop_up_to(&mut self, number: u64) {
        let bytes = &mut self.bytes;
        self.keys.retain(|key, change| {
            let stays = *change > number;
            if !stays {
                *bytes -= charge(key);
            }
            stays
        });
        if self.all <= number {
            self.all = 0;
        }
    }

    fn count(&self) -> u64 {
        self.keys.len() as u64 + u64::from(self.all > 0)
    }

    fn is_empty(&self) -> bool {
        self.keys.is_empty() && self.all == 0
    }
}

impl Hints {
    pub(super) fn new(max_bytes: usize) -> Self {
        Self {
            by_peer: Mutex::default(),
            max_bytes,
        }
    }

    /// Keeps a change for a peer. The caller has to start a task that delivers it after the returned pause;
    /// `None` if the peer has one.
    pub(super) fn add<K: AsRef<[u8]>>(
        &self,
        peer: &str,
        scope: Scope<'_, K>,
        now: Instant,
    ) -> Option<Duration> {
        let mut by_peer = self.by_peer.lock();
        let hint = by_peer.entry(peer.into()).or_default();
        hint.latest = Some(now);
        match scope.keys() {
            Some(keys) => hint.add(keys, self.max_bytes),
            None => hint.add_all(),
        }
        let has_task = std::mem::replace(&mut hint.has_task, true);
        (!has_task).then(|| pause_after(hint.failures))
    }

    /// Begins a delivery to a peer; `None` if nothing is left, in which case the task has to end.
    pub(super) fn next<'a>(&'a self, peer: &'a str) -> Option<Delivery<'a>> {
        let mut by_peer = self.by_peer.lock();
        let Entry::Occupied(mut entry) = by_peer.entry(peer.into()) else {
            return None;
        };
        let hint = entry.get_mut();
        if hint.is_empty() {
            entry.remove();
            return None;
        }
        hint.out = hint.changes;
        Some(Delivery {
            hints: self,
            peer,
            keys: (hint.all == 0).then(|| hint.keys.keys().cloned().collect()),
            changes: hint.changes,
            is_over: false,
        })
    }

    /// Drops what a change that reached the peer has made needless: the hint must not undo it. Only a
    /// delivery whose message is on its way already still can.
    ///
    /// A hint to forget all keys stays, unless all keys have changed: the peer then forgets the new value
    /// too.
    pub(super) fn supersede<K: AsRef<[u8]>>(&self, peer: &str, scope: Scope<'_, K>) {
        let mut by_peer = self.by_peer.lock();
        let Some(hint) = by_peer.get_mut(peer) else {
            return;
        };
        match scope.keys() {
            Some(keys) => keys.iter().for_each(|key| hint.remove(key.as_ref())),
            None => hint.drop_up_to(u64::MAX),
        }
    }

    /// The number of keys in the hints of each peer that has some. All keys of a peer count as one.
    pub(super) fn by_peer(&self) -> Vec<(Box<str>, u64)> {
        let by_peer = self.by_peer.lock();
        let counts = by_peer
            .iter()
            .map(|(peer, hint)| (peer.clone(), hint.count()));
        counts.filter(|(_, count)| *count > 0).collect()
    }

    /// The number of keys in all hints. All keys of a peer count as one.
    pub(super) fn count(&self) -> u64 {
        let by_peer = self.by_peer.lock();
        by_peer.values().map(Hint::count).sum()
    }
}

/// A delivery of a peer's hint that is under way, one at a time for each peer.
///
/// A delivery that is dropped before its end leaves the hint as it was, and the next change that does not
/// reach the peer starts another task.
#[derive(Debug)]
pub struct Delivery<'a> {
    hints: &'a Hints,
    peer: &'a str,
    keys: Option<Vec<Bytes>>,
    /// The number of the latest change in it.
    changes: u64,
    is_over: bool,
}

impl Delivery<'_> {
    /// The keys that the peer has to forget; `None` for all of the group.
    pub fn keys(&self) -> Option<Vec<&[u8]>> {
        let keys = self.keys.as_ref()?;
        Some(keys.iter().map(|key| &**key).collect())
    }

    /// Ends the delivery: the peer has forgotten the keys, or is not told of them again.
    pub fn finish(mut self) {
        let changes = self.changes;
        self.end(|hint| {
            hint.drop_up_to(changes);
            hint.failures = 0;
        });
    }

    /// Ends the delivery, which failed, and returns the pause before the next one; `None` if it is given up
    /// because the latest change is as old as `window`.
    pub(super) fn fail(mut self, window: Duration, now: Instant) -> Option<Duration> {
        let changes = self.changes;
        self.end(|hint| {
            let age = |latest| now.saturating_duration_since(latest);
            if hint.latest.map(age).unwrap_or_default() >= window {
                hint.drop_up_to(changes);
                return None;
            }
            hint.failures = hint.failures.saturating_add(1);
            Some(pause_after(hint.failures))
        })?
    }

    fn end<T>(&mut self, end: impl FnOnce(&mut Hint) -> T) -> Option<T> {
        self.is_over = true;
        let mut by_peer = self.hints.by_peer.lock();
        let hint = by_peer.get_mut(self.peer)?;
        hint.out = 0;
        Some(end(hint))
    }
}

impl Drop for Delivery<'_> {
    fn drop(&mut self) {
        if !self.is_over {
            self.end(|hint| hint.has_task = false);
        }
    }
}

/// The pause before a delivery that follows so many failures.
fn pause_after(failures: u32) -> Duration {
    LONGEST_PAUSE.min(FIRST_PAUSE.saturating_mul(1 << failures.min(16)))
}

/// What a key takes of the limit: its place in the table, and what it allocates.
fn charge(key: &[u8]) -> usize {
    const ALLOCATION: usize = 2 * size_of::<usize>();
    size_of::<(Bytes, u64)>() + ALLOCATION + key.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Duration = Duration::from_secs(60);
    const ALL: Scope<'static, &str> = Scope::All;

    fn hints(keys: usize) -> (Hints, Instant) {
        (Hints::new(keys * charge(b"a")), Instant::now())
    }

    fn keys_of(delivery: Option<&Delivery<'_>>) -> Option<Vec<String>> {
        let keys = delivery.expect("a hint").keys()?;
        let text = |key: &[u8]| String::from_utf8(key.to_vec()).unwrap();
        let mut keys: Vec<_> = keys.into_iter().map(text).collect();
        keys.sort_unstable();
        Some(keys)
    }

    /// Delivers what a peer has yet to forget.
    fn deliver(hints: &Hints, peer: &str) -> Option<Vec<String>> {
        let delivery = hints.next(peer);
        let keys = keys_of(delivery.as_ref());
        delivery?.finish();
        keys
    }

    #[test]
    fn a_key_is_kept_once_and_the_first_change_starts_the_task() {
        let (hints, now) = hints(10);
        assert!(hints.add("p", Scope::Keys(&["a", "b"]), now).is_some());
        assert!(hints.add("p", Scope::Keys(&["b", "c"]), now).is_none());
        assert!(hints.add("q", Scope::Keys(&["a"]), now).is_some());
        assert_eq!(hints.count(), 4);

        assert_eq!(deliver(&hints, "p").unwrap(), ["a", "b", "c"]);
        let more = hints.add("p", Scope::Keys(&["d"]), now);
        assert_eq!(more, None, "its task has not ended");
        assert_eq!(deliver(&hints, "p").unwrap(), ["d"]);
        assert!(hints.next("p").is_none());
        assert!(hints.add("p", Scope::Keys(&["e"]), now).is_some());
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
        assert_eq!(deliver(&hints, "p"), None);
        assert_eq!(hints.count(), 0);
    }

    #[test]
    fn a_change_that_reached_the_peer_is_taken_out_of_its_hint() {
        let (hints, now) = hints(10);
        hints.add("p", Scope::Keys(&["a", "b", "c"]), now);
        hints.supersede("p", Scope::Value(&"a"));
        hints.supersede("p", Scope::Keys(&["b", "x"]));
        hints.supersede("q", ALL);
        assert_eq!(deliver(&hints, "p").unwrap(), ["c"]);

        hints.add("p", ALL, now);
        hints.supersede("p", Scope::Keys(&["a"]));
        assert_eq!(hints.count(), 1, "other keys have to go");
        hints.supersede("p", ALL);
        assert_eq!(hints.count(), 0);
        assert!(hints.next("p").is_none());
    }

    #[test]
    fn a_change_that_reaches_the_peer_during_a_delivery_is_not_undone_by_the_next_one() {
        let (hints, now) = hints(10);
        hints.add("p", Scope::Keys(&["a", "b"]), now);
        let delivery = hints.next("p").unwrap();
        hints.supersede("p", Scope::Value(&"a"));
        assert!(delivery.fail(WINDOW, now).is_some());
        assert_eq!(deliver(&hints, "p").unwrap(), ["b"]);
    }

    #[test]
    fn a_change_that_is_missed_during_a_delivery_stays_for_the_next_one() {
        for first in [Scope::Keys(&["a", "b"]), ALL] {
            let (hints, now) = hints(10);
            hints.add("p", first, now);
            let delivery = hints.next("p").unwrap();
            hints.add("p", Scope::Keys(&["b"]), now);
            delivery.finish();
            assert_eq!(deliver(&hints, "p").unwrap(), ["b"]);
        }
    }

    #[test]
    fn keys_that_are_being_delivered_count_and_take_their_share_of_the_limit() {
        let (hints, now) = hints(2);
        hints.add("p", Scope::Keys(&["a", "b"]), now);
        let delivery = hints.next("p").unwrap();
        assert_eq!(hints.count(), 2);
        hints.add("p", Scope::Keys(&["c"]), now);
        delivery.finish();
        assert_eq!(deliver(&hints, "p"), None, "all keys");
    }

    #[test]
    fn a_hint_lives_as_long_as_its_latest_change() {
        let (hints, now) = hints(10);
        hints.add("p", Scope::Keys(&["a"]), now);
        let delivery = hints.next("p").unwrap();
        hints.add("p", Scope::Keys(&["b"]), now + WINDOW / 2);
        assert!(delivery.fail(WINDOW, now + WINDOW).is_some());
        let delivery = hints.next("p");
        assert_eq!(keys_of(delivery.as_ref()).unwrap(), ["a", "b"]);
        let end = now + WINDOW * 3 / 2;
        assert_eq!(delivery.unwrap().fail(WINDOW, end), None);
        assert!(hints.next("p").is_none());
    }

    #[test]
    fn a_delivery_that_is_dropped_loses_nothing() {
        let (hints, now) = hints(10);
        hints.add("p", Scope::Keys(&["a"]), now);
        drop(hints.next("p"));
        let task = hints.add("p", Scope::Keys(&["b"]), now);
        assert!(task.is_some(), "the task of the first is gone");
        assert_eq!(deliver(&hints, "p").unwrap(), ["a", "b"]);
    }

    #[test]
    fn pauses_double_from_a_second_to_half_a_minute_and_begin_anew_after_a_success() {
        let (hints, now) = hints(10);
        let first = hints.add("p", Scope::Keys(&["a"]), now);
        assert_eq!(first, Some(FIRST_PAUSE));
        for seconds in [2, 4, 8, 16, 30, 30] {
            let pause = hints.next("p").unwrap().fail(WINDOW, now);
            assert_eq!(pause, Some(Duration::from_secs(seconds)));
        }
        deliver(&hints, "p");
        hints.add("p", Scope::Keys(&["b"]), now);
        let pause = hints.next("p").unwrap().fail(WINDOW, now);
        assert_eq!(pause, Some(2 * FIRST_PAUSE));
    }
}
