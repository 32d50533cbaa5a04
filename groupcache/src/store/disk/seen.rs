use std::collections::HashSet;
use std::mem;

/// How many keys each half remembers.
const MOST: usize = 1 << 15;

/// The keys that have left memory lately and were not written, by their hashes. One that leaves again is worth a write: somebody
/// has asked for it twice.
#[derive(Debug, Default)]
pub(super) struct Seen {
    latest: HashSet<u64>,
    before: HashSet<u64>,
}

impl Seen {
    /// Whether the key has been seen. From now on it has.
    pub(super) fn note(&mut self, hash: u64) -> bool {
        if self.latest.remove(&hash) | self.before.remove(&hash) {
            return true;
        }
        if self.latest.len() >= MOST {
            self.before = mem::take(&mut self.latest);
        }
        self.latest.insert(hash);
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_seen_the_second_time_unless_very_many_came_in_between() {
        let mut seen = Seen::default();
        assert!(!seen.note(1) && seen.note(1));
        assert!(!seen.note(1));
        for hash in 10..10 + 2 * MOST as u64 {
            seen.note(hash);
        }
        assert!(!seen.note(1));
        assert!(seen.latest.len() + seen.before.len() <= 2 * MOST);
    }
}
