use std::collections::{HashSet, VecDeque};

/// The set holds at most this many ids. It allocates as it fills.
const CAPACITY: usize = 4096;

/// A set of the ids that were inserted last.
#[derive(Debug, Default)]
pub(super) struct RecentIds {
    order: VecDeque<u64>,
    ids: HashSet<u64>,
}

impl RecentIds {
    /// Inserts an id and says whether it is new. An id that is known keeps its age.
    pub(super) fn insert(&mut self, id: u64) -> bool {
        let is_new = self.ids.insert(id);
        if is_new {
            self.order.push_back(id);
            if self.order.len() > CAPACITY
                && let Some(oldest) = self.order.pop_front()
            {
                self.ids.remove(&oldest);
            }
        }
        is_new
    }

    pub(super) fn contains(&self, id: u64) -> bool {
        self.ids.contains(&id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_set_forgets_its_oldest_id() {
        let mut recent = RecentIds::default();
        for id in 0..CAPACITY as u64 {
            assert!(recent.insert(id));
        }
        assert!(!recent.insert(0), "the id is known and keeps its age");
        assert!(recent.insert(u64::MAX));
        assert!(!recent.contains(0));
        assert!(recent.contains(1) && recent.contains(u64::MAX));
        assert_eq!(recent.ids.len(), CAPACITY);
    }
}
