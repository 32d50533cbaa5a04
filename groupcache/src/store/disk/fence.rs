//! Keeps a value that is on its way to the disk from coming after the change that took it out.
//!
//! An entry that makes room has left memory before the disk hears of it. A change of its key may come in between: it finds the
//! entry neither in memory nor on disk, and the old value would reach the disk afterwards. So each call that may evict notes
//! how many keys the disk had [forgotten](Forgotten) *before* it began. What was forgotten since then is not kept: the change took
//! the key out of memory first, and so, had it been over by that time, the call would not have found the old entry.

use std::cell::Cell;
use std::collections::VecDeque;

thread_local! {
    /// What the disk had forgotten before this thread's call of the store began.
    static BEGAN: Cell<u64> = const { Cell::new(0) };
}

/// Makes a call of the store that may evict entries.
pub(crate) fn within<T>(began: u64, call: impl FnOnce() -> T) -> T {
    let outer = BEGAN.replace(began);
    let result = call();
    BEGAN.set(outer);
    result
}

/// What the disk had forgotten before the present call of the store.
pub(crate) fn began() -> u64 {
    BEGAN.get()
}

/// How many forgotten keys are remembered. A call during which more are forgotten writes nothing.
const MOST: usize = 1024;

/// The keys that were forgotten last, by their hashes.
#[derive(Debug, Default)]
pub(super) struct Forgotten {
    count: u64,
    latest: VecDeque<u64>,
    /// Everything was forgotten then.
    all: u64,
}

impl Forgotten {
    /// How many keys were forgotten.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    pub(super) fn note(&mut self, hash: u64) {
        self.count += 1;
        self.latest.push_back(hash);
        if self.latest.len() > MOST {
            self.latest.pop_front();
        }
    }

    pub(super) fn note_all(&mut self) {
        self.count += 1;
        self.all = self.count;
        self.latest.clear();
    }

    /// Whether the key may have been forgotten since then.
    pub(super) fn has_since(&self, hash: u64, began: u64) -> bool {
        let since = self.count.saturating_sub(began);
        let since = usize::try_from(since).unwrap_or(usize::MAX);
        self.all > began
            || since > self.latest.len()
            || self.latest.iter().rev().take(since).any(|it| *it == hash)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_forgotten_since_a_call_began_is_known() {
        let mut forgotten = Forgotten::default();
        forgotten.note(1);
        let began = forgotten.count();
        assert!(!forgotten.has_since(1, began) && forgotten.has_since(1, 0));
        forgotten.note(2);
        assert!(forgotten.has_since(2, began) && !forgotten.has_since(1, began));
        forgotten.note_all();
        assert!(forgotten.has_since(1, began));
        assert!(!forgotten.has_since(1, forgotten.count()));
    }

    #[test]
    fn more_than_is_remembered_is_anything() {
        let mut forgotten = Forgotten::default();
        for hash in 0..=MOST as u64 {
            forgotten.note(hash);
        }
        assert!(forgotten.has_since(9999, 0));
        assert!(!forgotten.has_since(9999, 1));
    }

    #[test]
    fn a_call_within_another_one_has_its_own_beginning() {
        within(1, || {
            within(2, || assert_eq!(began(), 2));
            assert_eq!(began(), 1);
        });
        assert_eq!(began(), 0);
    }
}
