use super::gather::GroupView;
use super::report::{Counters, Memory};

/// The counters and the memory of some groups together.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sums {
    pub(super) counters: Counters,
    pub(super) memory: Memory,
}

impl Sums {
    pub(super) fn of<'a>(groups: impl IntoIterator<Item = &'a GroupView>) -> Self {
        let mut sums = Self::default();
        sums.add(groups);
        sums
    }

    pub(super) fn add<'a>(&mut self, groups: impl IntoIterator<Item = &'a GroupView>) {
        for group in groups {
            self.counters += &group.part.stats;
            self.memory += &group.part.usage;
        }
    }
}
