use std::collections::{HashSet, VecDeque};

/// So many are remembered; it takes no room until there are.
const CAPACITY: usize = 4096;

/// A set of the numbers that were added last.
#[derive(Default)]
pub(super) struct Recent {
    order: VecDeque<u64>,
    numbers: HashSet<u64>,
}

impl Recent {
    /// Adds a number, and says whether it is new.
    pub(super) fn insert(&mut self, number: u64) -> bool {
        let is_new = self.numbers.insert(number);
        if is_new {
            self.order.push_back(number);
            if self.order.len() > CAPACITY
                && let Some(oldest) = self.order.pop_front()
            {
                self.numbers.remove(&oldest);
            }
        }
        is_new
    }

    pub(super) fn contains(&self, number: u64) -> bool {
        self.numbers.contains(&number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_is_forgotten_when_there_are_too_many() {
        let mut recent = Recent::default();
        for number in 0..CAPACITY as u64 {
            assert!(recent.insert(number));
        }
        assert!(!recent.insert(0), "it is there, and stays as old as it is");
        assert!(recent.insert(u64::MAX));
        assert!(!recent.contains(0));
        assert!(recent.contains(1) && recent.contains(u64::MAX));
        assert_eq!(recent.numbers.len(), CAPACITY);
    }
}
