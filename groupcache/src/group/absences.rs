use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::{Error, Key, NotFound};

/// The most bytes of keys that are remembered.
const MOST_BYTES: usize = 4 << 20;

/// What a key takes besides its bytes, about.
const PLACE: usize = 160;

/// The keys that have no values, as the getter has said, for a while.
///
/// A change of a key ends its absence. Whoever looks an absence up compares the log of changes from the position on at which its
/// load began. So no change is missed, whenever it comes.
#[derive(Debug)]
pub(super) struct Absences {
    /// How long it is believed that there is no value. Zero: not at all.
    ttl: Duration,
    /// The number of keys in the table. Where it is zero, no get takes the lock.
    count: AtomicUsize,
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    by_key: HashMap<Key, Absence>,
    /// The keys in the order in which they were noted, with those that were noted again in each of their places.
    order: VecDeque<(Key, Instant)>,
    bytes: usize,
}

/// A key without a value.
#[derive(Clone, Copy, Debug)]
struct Absence {
    /// The position in the log of changes at which the load began.
    since: u64,
    until: Instant,
}

impl Absences {
    pub(super) fn new(ttl: Duration) -> Self {
        Self {
            ttl,
            count: AtomicUsize::new(0),
            table: Mutex::default(),
        }
    }

    /// "Not found" for a key without a value, if it `is_unchanged` since the getter has said so. What else the getter has said is
    /// not remembered.
    pub(super) fn find(
        &self,
        key: &Key,
        now: impl FnOnce() -> Instant,
        is_unchanged: impl FnOnce(u64) -> bool,
    ) -> Option<Error> {
        if self.count.load(Ordering::Relaxed) == 0 {
            return None;
        }
        let absence = self.table.lock().by_key.get(key).copied()?;
        let is_so = now() < absence.until && is_unchanged(absence.since);
        is_so.then(|| Error::from_getter(NotFound.into()))
    }

    /// Notes that a load, which began at this position, has found no value.
    pub(super) fn note(&self, key: &Key, since: u64, now: Instant) {
        let Some(until) = now.checked_add(self.ttl).filter(|until| *until > now) else {
            return;
        };
        let absence = Absence { since, until };
        let mut table = self.table.lock();
        table.by_key.insert(key.clone(), absence);
        table.order.push_back((key.clone(), until));
        table.bytes += PLACE + key.len();
        table.make_room(now);
        self.count.store(table.by_key.len(), Ordering::Relaxed);
    }

    /// There may be a value.
    pub(super) fn clear(&self, key: &[u8]) {
        if self.count.load(Ordering::Relaxed) > 0 {
            let mut table = self.table.lock();
            table.by_key.remove(key);
            self.count.store(table.by_key.len(), Ordering::Relaxed);
        }
    }

    pub(super) fn clear_all(&self) {
        *self.table.lock() = Table::default();
        self.count.store(0, Ordering::Relaxed);
    }
}

impl Table {
    /// Drops what is over, and the oldest of what is too much.
    fn make_room(&mut self, now: Instant) {
        while let Some((key, until)) = self.order.front()
            && (*until <= now || self.bytes > MOST_BYTES)
        {
            // One that was noted again stays until its last place.
            if self
                .by_key
                .get(key)
                .is_some_and(|held| held.until <= *until)
            {
                self.by_key.remove(key);
            }
            self.bytes -= PLACE + key.len();
            self.order.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TTL: Duration = Duration::from_secs(10);

    fn key(number: usize) -> Key {
        Key::from(number.to_string().as_str())
    }

    fn knows(absences: &Absences, number: usize, now: Instant) -> bool {
        absences.find(&key(number), || now, |_| true).is_some()
    }

    #[test]
    fn a_key_without_a_value_is_known_for_its_time_and_no_longer() {
        let (absences, now) = (Absences::new(TTL), Instant::now());
        assert!(!knows(&absences, 1, now));
        absences.note(&key(1), 7, now);
        assert!(knows(&absences, 1, now) && !knows(&absences, 2, now));
        assert!(knows(&absences, 1, now + TTL - Duration::from_millis(1)));
        assert!(!knows(&absences, 1, now + TTL));
        let changed = |since| since != 7;
        assert!(absences.find(&key(1), || now, changed).is_none());
        absences.clear(b"1");
        assert!(!knows(&absences, 1, now));
        absences.note(&key(2), 0, now);
        absences.clear_all();
        assert!(!knows(&absences, 2, now));
    }

    #[test]
    fn without_a_time_nothing_is_noted() {
        let (absences, now) = (Absences::new(Duration::ZERO), Instant::now());
        absences.note(&key(1), 0, now);
        assert!(!knows(&absences, 1, now));
    }

    #[test]
    fn the_table_is_bounded_and_forgets_the_oldest_first() {
        let (absences, now) = (Absences::new(TTL), Instant::now());
        let most = MOST_BYTES / PLACE;
        for number in 0..2 * most {
            absences.note(&key(number), 0, now);
            // The first is noted again and again, and stays.
            absences.note(&key(0), 0, now + Duration::from_millis(1));
        }
        let table = absences.table.lock();
        assert!(table.bytes <= MOST_BYTES && table.by_key.len() <= most);
        drop(table);
        assert!(knows(&absences, 0, now) && knows(&absences, 2 * most - 1, now));
        assert!(!knows(&absences, 1, now));
        let later = now + 2 * TTL;
        absences.note(&key(7), 0, later);
        assert_eq!(absences.table.lock().order.len(), 1);
    }
}
