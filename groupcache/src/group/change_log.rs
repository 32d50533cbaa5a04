use std::collections::VecDeque;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use peers::{Changes, LogPosition};

use crate::Key;

/// The latest changes of keys that this node owns, numbered, for peers that may have missed one.
///
/// A change is written down after it was made here. So whoever knows the log up to some place, and
/// only then asks for a value, gets one that is at least as new.
pub(super) struct ChangeLog {
    /// Which log this is: another one each time the node starts.
    id: u64,
    /// How many changes there have been. Written under the lock; those who answer a peer read it
    /// without.
    count: AtomicU64,
    latest: Mutex<Latest>,
    /// How many bytes the latest may take up.
    limit: usize,
}

/// The keys of the latest changes, the oldest first, and their bytes.
#[derive(Default)]
struct Latest {
    keys: VecDeque<Key>,
    bytes: usize,
}

impl ChangeLog {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            id: RandomState::new().hash_one(()).max(1),
            count: AtomicU64::new(0),
            latest: Mutex::default(),
            limit,
        }
    }

    /// How far the log has got.
    pub(super) fn position(&self) -> LogPosition {
        LogPosition {
            log: self.id,
            changes: self.count.load(Ordering::SeqCst),
        }
    }

    /// Writes down that these keys have changed, each in one step.
    pub(super) fn add(&self, keys: impl IntoIterator<Item = Key>) {
        let mut latest = self.latest.lock();
        for key in keys {
            latest.bytes += charge(&key);
            latest.keys.push_back(key);
            while latest.bytes > self.limit
                && let Some(oldest) = latest.keys.pop_front()
            {
                latest.bytes -= charge(&oldest);
            }
            self.count.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// Writes down that all keys have changed.
    pub(super) fn add_all(&self) {
        let mut latest = self.latest.lock();
        *latest = Latest::default();
        self.count.fetch_add(1, Ordering::SeqCst);
    }

    /// What has changed since a place in this log. Somebody who knows another log knows an earlier life
    /// of this node, and is told all of this one.
    pub(super) fn since(&self, known: LogPosition) -> Changes {
        let latest = self.latest.lock();
        let position = self.position();
        let known = match known.log == self.id {
            true => known.changes,
            false => 0,
        };
        let missed = position.changes.saturating_sub(known);
        let told = usize::try_from(missed).ok();
        let first = told.and_then(|told| latest.keys.len().checked_sub(told));
        let keys = first.map(|first| latest.keys.range(first..));
        Changes {
            position,
            all: keys.is_none(),
            keys: keys
                .into_iter()
                .flatten()
                .map(|key| key.to_vec().into())
                .collect(),
        }
    }
}

/// What a key takes up of the limit.
pub(super) fn charge(key: &Key) -> usize {
    size_of::<Key>() + key.allocated()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log_of(keys: &[&str]) -> ChangeLog {
        let log = ChangeLog::new(10 * size_of::<Key>());
        log.add(keys.iter().map(|key| Key::from(*key)));
        log
    }

    fn keys_since(log: &ChangeLog, changes: u64) -> Option<Vec<String>> {
        let known = LogPosition {
            changes,
            ..log.position()
        };
        let changes = log.since(known);
        assert_eq!(changes.position, log.position());
        assert!(!changes.all || changes.keys.is_empty());
        let text = |key| String::from_utf8(Vec::from(key)).unwrap();
        (!changes.all).then(|| changes.keys.into_iter().map(text).collect())
    }

    #[test]
    fn whoever_knows_a_part_is_told_the_rest() {
        let log = log_of(&["a", "b", "c"]);
        assert_eq!(keys_since(&log, 0).unwrap(), ["a", "b", "c"]);
        assert_eq!(keys_since(&log, 2).unwrap(), ["c"]);
        assert_eq!(keys_since(&log, 3).unwrap(), [""; 0]);
        assert_eq!(keys_since(&log, 4).unwrap(), [""; 0], "a lie");
    }

    #[test]
    fn whoever_knows_nothing_or_an_earlier_life_is_told_all_of_this_one() {
        let log = log_of(&["a", "b"]);
        let earlier = LogPosition {
            log: log.position().log ^ 1,
            changes: 1,
        };
        for known in [LogPosition::default(), earlier] {
            let changes = log.since(known);
            assert_eq!(changes.keys, ["a", "b"]);
            assert!(!changes.all);
        }
        let unchanged = log_of(&[]);
        assert!(!unchanged.since(LogPosition::default()).all);
    }

    #[test]
    fn what_is_forgotten_may_be_any_key() {
        let keys: Vec<_> = (0..20).map(|n| n.to_string()).collect();
        let keys: Vec<_> = keys.iter().map(String::as_str).collect();
        let log = log_of(&keys);
        assert_eq!(keys_since(&log, 10).unwrap(), keys[10..]);
        assert_eq!(keys_since(&log, 9), None);
        log.add_all();
        assert_eq!(keys_since(&log, 20), None);
        assert_eq!(keys_since(&log, 21).unwrap(), [""; 0]);
    }

    #[test]
    fn long_keys_count_for_more() {
        let log = ChangeLog::new(1000);
        log.add([Key::from("short"), Key::from(vec![b'k'; 900])]);
        assert_eq!(keys_since(&log, 1).unwrap().len(), 1);
        log.add([Key::from(vec![b'k'; 2000])]);
        assert_eq!(keys_since(&log, 2), None);
        log.add([Key::from("short")]);
        assert_eq!(keys_since(&log, 3).unwrap(), ["short"]);
    }
}
