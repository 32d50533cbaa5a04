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
    /// Begins to pass a change on; `None` if it is among those that are remembered.
    pub(super) fn begin(&self, id: ChangeId) -> Option<Passing<'_>> {
        let mut ids = self.0.lock();
        if !ids.all.insert(id) {
            return None;
        }
        ids.in_order.push_back(id);
        if ids.in_order.len() > MOST
            && let Some(oldest) = ids.in_order.pop_front()
        {
            ids.all.remove(&oldest);
        }
        let (of, is_done) = (self, false);
        Some(Passing { of, id, is_done })
    }
}

/// A change that is being passed on. One that is dropped before it is done counts as not passed on: its message may come again.
#[must_use]
pub(super) struct Passing<'a> {
    of: &'a PassedOn,
    id: ChangeId,
    is_done: bool,
}

impl Passing<'_> {
    pub(super) fn done(mut self) {
        self.is_done = true;
    }
}

impl Drop for Passing<'_> {
    fn drop(&mut self) {
        if !self.is_done {
            let mut ids = self.of.0.lock();
            ids.all.remove(&self.id);
            ids.in_order.retain(|id| *id != self.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: usize) -> ChangeId {
        let (origin, number) = (1, number as u64);
        ChangeId { origin, number }
    }

    fn pass(passed_on: &PassedOn, number: usize) -> bool {
        let passing = passed_on.begin(id(number));
        passing.map(Passing::done).is_some()
    }

    #[test]
    fn a_change_is_passed_on_once_until_many_others_have_been() {
        let passed_on = PassedOn::default();
        for number in 0..=MOST {
            assert!(pass(&passed_on, number));
            assert!(!pass(&passed_on, number));
        }
        assert!(pass(&passed_on, 0) && !pass(&passed_on, 2));
        assert_eq!(passed_on.0.lock().all.len(), MOST);
    }

    #[test]
    fn a_change_whose_passing_on_was_broken_off_is_passed_on_again() {
        let passed_on = PassedOn::default();
        let passing = passed_on.begin(id(1));
        assert!(!pass(&passed_on, 1), "it is under way");
        drop(passing);
        assert!(pass(&passed_on, 1) && !pass(&passed_on, 1));
        assert_eq!(passed_on.0.lock().in_order.len(), 1);
    }
}
