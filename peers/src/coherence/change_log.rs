use std::collections::VecDeque;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use parking_lot::Mutex;

use super::recent_ids::RecentIds;
use crate::{Changes, LogPosition, LoggedChange, Phase};

/// The latest changes of the keys that this node owns, in their order, for peers that missed one.
///
/// A change is logged after this node has applied it. So a peer that knows the log up to a position,
/// and only then asks for a value, gets a value that is at least as new.
#[derive(Debug)]
pub(super) struct ChangeLog {
    /// Which log this is. Each start of a node begins another one.
    log_id: u64,
    /// The number of changes so far. Written under the lock; replies to peers read it without.
    count: AtomicU64,
    latest: Mutex<Latest>,
    /// The most bytes that the latest changes may take.
    max_bytes: usize,
    hasher: RandomState,
}

/// The latest changes, the oldest first, and the bytes that they take.
#[derive(Debug, Default)]
struct Latest {
    changes: VecDeque<Logged>,
    bytes: usize,
    /// Hashes of the changes that were logged in their first phase, and are not logged again in the
    /// last one.
    in_first_phase: RecentIds,
}

/// A change with its id, 0 for none; of one key, or of all.
#[derive(Debug)]
struct Logged {
    id: u64,
    key: Option<Bytes>,
}

impl ChangeLog {
    pub(super) fn new(max_bytes: usize) -> Self {
        let hasher = RandomState::new();
        Self {
            log_id: hasher.hash_one("log").max(1),
            count: AtomicU64::new(0),
            latest: Mutex::default(),
            max_bytes,
            hasher,
        }
    }

    /// The end of the log.
    pub(super) fn position(&self) -> LogPosition {
        LogPosition {
            log: self.log_id,
            count: self.count.load(Ordering::SeqCst),
        }
    }

    /// Logs that keys have changed, or that all have where a key is `None`.
    ///
    /// A change that reaches this node in its last phase alone is logged without its id: peers that
    /// saw the change may have fetched the old value from this node in between, so the id must not
    /// make them skip the entry.
    ///
    /// A key is logged once for both phases, while at most 4,096 own keys changed in between. A key that is
    /// logged twice costs its bytes, and has peers forget their mirrors of it twice.
    pub(super) fn append(&self, keys: impl IntoIterator<Item = Option<Bytes>>, phase: Phase) {
        let mut latest = self.latest.lock();
        for key in keys {
            let hash = |id: u64| self.hasher.hash_one((id, &key));
            let id = match phase {
                Phase::First(id) if latest.in_first_phase.insert(hash(id)) => id,
                Phase::Last(id) if !latest.in_first_phase.contains(hash(id)) => 0,
                Phase::Only => 0,
                Phase::First(_) | Phase::Last(_) => continue,
            };
            let change = Logged { id, key };
            latest.bytes += change.charge();
            latest.changes.push_back(change);
            while latest.bytes > self.max_bytes
                && let Some(oldest) = latest.changes.pop_front()
            {
                latest.bytes -= oldest.charge();
            }
            self.count.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// The changes since a position of this log. A peer that knows another log knows an earlier life
    /// of this node, and gets all that this log holds.
    pub(super) fn since(&self, known: LogPosition) -> Changes {
        let latest = self.latest.lock();
        let position = self.position();
        let is_same_log = known.log == self.log_id;
        let known = if is_same_log { known.count } else { 0 };
        let missed = position.count.saturating_sub(known);
        let missed = usize::try_from(missed).unwrap_or(usize::MAX);
        let first = latest.changes.len().checked_sub(missed);
        let changes = first.map(|first| latest.changes.range(first..));
        Changes {
            position,
            all: changes.is_none(),
            entries: changes
                .into_iter()
                .flatten()
                .map(Logged::to_message)
                .collect(),
        }
    }
}

impl Logged {
    /// What the change takes of the limit: its place in the queue, and what its key allocates.
    fn charge(&self) -> usize {
        const ALLOCATION: usize = 2 * size_of::<usize>();
        let key = self.key.as_ref();
        size_of::<Self>() + key.map_or(0, |key| ALLOCATION + key.len())
    }

    fn to_message(&self) -> LoggedChange {
        LoggedChange {
            id: self.id,
            key: self.key.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn append(log: &ChangeLog, keys: &[&str], phase: Phase) {
        let keys = keys.iter().map(|key| Some(Bytes::from(key.to_string())));
        log.append(keys, phase);
    }

    /// A log with room for ten short keys.
    fn log_of(keys: &[&str]) -> ChangeLog {
        let short = Logged {
            id: 0,
            key: Some(Bytes::from_static(b"kk")),
        };
        let log = ChangeLog::new(10 * short.charge());
        append(&log, keys, Phase::Only);
        log
    }

    fn changes_since(log: &ChangeLog, changes: u64) -> Option<Vec<(u64, Option<String>)>> {
        let known = LogPosition {
            count: changes,
            ..log.position()
        };
        let missed = log.since(known);
        assert_eq!(missed.position, log.position());
        assert!(!missed.all || missed.entries.is_empty());
        let text = |key: Bytes| String::from_utf8(key.to_vec()).unwrap();
        let changes = missed.entries.into_iter();
        let changes = changes.map(|change| (change.id, change.key.map(text)));
        (!missed.all).then(|| changes.collect())
    }

    fn keys_since(log: &ChangeLog, changes: u64) -> Option<Vec<String>> {
        let changes = changes_since(log, changes)?;
        Some(changes.into_iter().filter_map(|(_, key)| key).collect())
    }

    #[test]
    fn a_peer_that_knows_a_part_gets_the_rest() {
        let log = log_of(&["a", "b", "c"]);
        assert_eq!(keys_since(&log, 0).unwrap(), ["a", "b", "c"]);
        assert_eq!(keys_since(&log, 2).unwrap(), ["c"]);
        assert_eq!(keys_since(&log, 3).unwrap(), [""; 0]);
        assert_eq!(keys_since(&log, 4).unwrap(), [""; 0], "a lie");
    }

    #[test]
    fn a_peer_that_knows_nothing_or_an_earlier_life_gets_all_of_this_one() {
        let log = log_of(&["a", "b"]);
        let earlier = LogPosition {
            log: log.position().log ^ 1,
            count: 1,
        };
        for known in [LogPosition::default(), earlier] {
            let missed = log.since(known);
            assert_eq!(missed.entries.len(), 2);
            assert!(!missed.all);
        }
        let unchanged = log_of(&[]);
        assert!(!unchanged.since(LogPosition::default()).all);
    }

    #[test]
    fn changes_that_no_longer_fit_may_be_of_any_key() {
        let keys: Vec<_> = (10..30).map(|n| n.to_string()).collect();
        let keys: Vec<_> = keys.iter().map(String::as_str).collect();
        let log = log_of(&keys);
        assert_eq!(keys_since(&log, 10).unwrap(), keys[10..]);
        assert_eq!(keys_since(&log, 9), None);
    }

    #[test]
    fn the_default_holds_as_many_keys_as_its_documentation_says() {
        let change = Logged {
            id: 1,
            key: Some(Bytes::from_static(&[0; 16])),
        };
        let capacity = super::super::CoherenceOptions::default().change_log_bytes / change.charge();
        assert!((3_500..3_700).contains(&capacity), "{capacity}");
    }

    #[test]
    fn long_keys_take_more_of_the_limit() {
        let log = ChangeLog::new(1000);
        let (long, too_long) = ("k".repeat(800), "k".repeat(2000));
        append(&log, &["short", &long], Phase::Only);
        assert_eq!(keys_since(&log, 0).unwrap().len(), 2);
        append(&log, &[&too_long], Phase::Only);
        assert_eq!(keys_since(&log, 2), None);
        append(&log, &["short"], Phase::Only);
        assert_eq!(keys_since(&log, 3).unwrap(), ["short"]);
    }

    #[test]
    fn a_change_is_logged_once_and_with_its_id_only_in_the_first_phase() {
        let log = log_of(&[]);
        let [one, other] = [1, 2];
        append(&log, &["a"], Phase::First(one));
        append(&log, &["a"], Phase::First(one));
        // A key that this node owns by its own ring alone comes with the last phase.
        append(&log, &["a", "b"], Phase::Last(one));
        log.append([None], Phase::First(other));
        log.append([None], Phase::Last(other));
        let expected = [
            (one, Some("a".into())),
            (0, Some("b".into())),
            (other, None),
        ];
        assert_eq!(changes_since(&log, 0).unwrap(), expected);
    }
}
