use std::collections::{HashSet, VecDeque};

use parking_lot::Mutex;
use peers::ChangeId;

/// How many changes are remembered.
const MOST: usize = 4096;

/// The last changes that were passed on, each by the first name in its message: once is enough, however often a change comes.
#[derive(Debug, Default)]
pub(in crate::group) struct PassedOn(Mutex<Ids>);

#[derive(Debug, Default)]
struct Ids {
    all: HashSet<ChangeId>,
    /// The oldest first.
    in_order: VecDeque<ChangeId>,
}

impl PassedOn {
    /// Notes a change. Says whether it was not among those that are remembered.
    pub(super) fn is_first(&self, id: ChangeId) -> bool {
        let mut ids = self.0.lock();
        let is_first = ids.all.insert(id);
        if is_first {
            ids.in_order.push_back(id);
        }
        if ids.in_order.len() > MOST
            && let Some(oldest) = ids.in_order.pop_front()
        {
            ids.all.remove(&oldest);
        }
        is_first
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_passed_on_once_until_many_others_have_been() {
        let passed_on = PassedOn::default();
        let id = |number| ChangeId { origin: 1, number };
        for number in 0..=MOST as u64 {
            assert!(passed_on.is_first(id(number)));
            assert!(!passed_on.is_first(id(number)));
        }
        assert!(passed_on.is_first(id(0)) && !passed_on.is_first(id(2)));
        assert_eq!(passed_on.0.lock().all.len(), MOST);
    }
}
