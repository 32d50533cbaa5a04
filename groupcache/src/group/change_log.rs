use std::collections::VecDeque;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use peers::{Changes, LogPosition, LoggedChange, Phase};

use super::recent::Recent;
use crate::Key;

/// The latest changes of keys that this node owns, in their order, for peers that may have missed one.
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
    /// How many changes this node has sent round.
    numbered: AtomicU64,
    hasher: RandomState,
}

/// The latest changes, the oldest first, and their bytes.
#[derive(Default)]
struct Latest {
    changes: VecDeque<Logged>,
    bytes: usize,
    /// Hashes of those that were written down in their first phase, and need not be in the last.
    in_first_phase: Recent,
}

/// A change with its number, 0 for none; of one key, or of all.
struct Logged {
    number: u64,
    key: Option<Key>,
}

impl ChangeLog {
    pub(super) fn new(limit: usize) -> Self {
        let hasher = RandomState::new();
        Self {
            id: hasher.hash_one("log").max(1),
            count: AtomicU64::new(0),
            latest: Mutex::default(),
            limit,
            numbered: AtomicU64::new(0),
            hasher,
        }
    }

    /// A number for a change that is to go round, which no other node is likely to choose.
    pub(super) fn next_number(&self) -> u64 {
        let nth = self.numbered.fetch_add(1, Ordering::Relaxed);
        self.hasher.hash_one(nth).max(1)
    }

    /// How far the log has got.
    pub(super) fn position(&self) -> LogPosition {
        LogPosition {
            log: self.id,
            changes: self.count.load(Ordering::SeqCst),
        }
    }

    /// Writes down that keys have changed, or that all have where one is `None`.
    ///
    /// What reaches this node in the last phase alone gets no number: others who were told of it may
    /// have asked this node in between.
    pub(super) fn add(&self, keys: impl IntoIterator<Item = Option<Key>>, phase: Phase) {
        let mut latest = self.latest.lock();
        for key in keys {
            let hash = |number: u64| self.hasher.hash_one((number, &key));
            let number = match phase {
                Phase::First(number) if latest.in_first_phase.insert(hash(number)) => number,
                Phase::Last(number) if !latest.in_first_phase.contains(hash(number)) => 0,
                Phase::Only => 0,
                Phase::First(_) | Phase::Last(_) => continue,
            };
            let change = Logged { number, key };
            latest.bytes += change.charge();
            latest.changes.push_back(change);
            while latest.bytes > self.limit
                && let Some(oldest) = latest.changes.pop_front()
            {
                latest.bytes -= oldest.charge();
            }
            self.count.fetch_add(1, Ordering::SeqCst);
        }
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
        let missed = usize::try_from(missed).unwrap_or(usize::MAX);
        let first = latest.changes.len().checked_sub(missed);
        let changes = first.map(|first| latest.changes.range(first..));
        Changes {
            position,
            all: changes.is_none(),
            changes: changes.into_iter().flatten().map(Logged::told).collect(),
        }
    }
}

impl Logged {
    /// What it takes up of the limit.
    fn charge(&self) -> usize {
        size_of::<Self>() + self.key.as_ref().map_or(0, Key::allocated)
    }

    fn told(&self) -> LoggedChange {
        LoggedChange {
            number: self.number,
            key: self.key.as_ref().map(|key| key.to_vec().into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::limits::Limits;
    use super::*;

    fn add(log: &ChangeLog, keys: &[&str], phase: Phase) {
        log.add(keys.iter().map(|key| Some(Key::from(*key))), phase);
    }

    fn log_of(keys: &[&str]) -> ChangeLog {
        let log = ChangeLog::new(10 * size_of::<Logged>());
        add(&log, keys, Phase::Only);
        log
    }

    fn changes_since(log: &ChangeLog, changes: u64) -> Option<Vec<(u64, Option<String>)>> {
        let known = LogPosition {
            changes,
            ..log.position()
        };
        let told = log.since(known);
        assert_eq!(told.position, log.position());
        assert!(!told.all || told.changes.is_empty());
        let text = |key| String::from_utf8(Vec::from(key)).unwrap();
        let changes = told.changes.into_iter();
        let changes = changes.map(|change| (change.number, change.key.map(text)));
        (!told.all).then(|| changes.collect())
    }

    fn keys_since(log: &ChangeLog, changes: u64) -> Option<Vec<String>> {
        let changes = changes_since(log, changes)?;
        Some(changes.into_iter().filter_map(|(_, key)| key).collect())
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
            let told = log.since(known);
            assert_eq!(told.changes.len(), 2);
            assert!(!told.all);
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
    }

    #[test]
    fn the_default_holds_as_many_short_keys_as_the_builder_says() {
        assert_eq!(
            Limits::default().change_log_bytes / size_of::<Logged>(),
            8192
        );
    }

    #[test]
    fn long_keys_count_for_more() {
        let log = ChangeLog::new(1000);
        let (long, too_long) = ("k".repeat(850), "k".repeat(2000));
        add(&log, &["short", &long], Phase::Only);
        assert_eq!(keys_since(&log, 0).unwrap().len(), 2);
        add(&log, &[&too_long], Phase::Only);
        assert_eq!(keys_since(&log, 2), None);
        add(&log, &["short"], Phase::Only);
        assert_eq!(keys_since(&log, 3).unwrap(), ["short"]);
    }

    #[test]
    fn a_change_is_written_down_once_and_with_a_number_only_in_its_first_phase() {
        let log = log_of(&[]);
        let numbers = [log.next_number(), log.next_number()];
        assert_ne!(numbers[0], numbers[1]);
        let [one, other] = numbers;
        add(&log, &["a"], Phase::First(one));
        add(&log, &["a"], Phase::First(one));
        // A key that is this node's own by its own ring alone comes with the last phase.
        add(&log, &["a", "b"], Phase::Last(one));
        log.add([None], Phase::First(other));
        log.add([None], Phase::Last(other));
        let expected = [
            (one, Some("a".into())),
            (0, Some("b".into())),
            (other, None),
        ];
        assert_eq!(changes_since(&log, 0).unwrap(), expected);
    }
}
