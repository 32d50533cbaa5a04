use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::{Class, deadline::Deadline};

/// The value at which a mark saturates: further hits between two looks of the policy add no
/// information.
pub(crate) const MARK_MAX: u8 = 2;

/// What a lookup has to know of an entry besides its key and value, in one word: the deadline, the
/// [`Class`], the caller's flag, and the *mark*. The mark counts the hits since the policy last looked, up to
/// [`MARK_MAX`].
///
/// The word is atomic, because hits raise the mark while other threads read the word.
#[derive(Debug)]
pub(crate) struct Label(AtomicU64);

/// From the low bits: the mark, the flag, the class, the deadline.
const MARK: u64 = 0b11;
const FLAG: u64 = MARK + 1;
const HOT: u64 = 2 * FLAG;
const DEADLINE: u32 = u64::BITS - Deadline::BITS;

const _: () = assert!(MARK_MAX as u64 <= MARK && DEADLINE == HOT.ilog2() + 1);

impl Label {
    #[inline]
    pub(crate) fn new(deadline: Deadline, class: Class, flag: bool, mark: u8) -> Self {
        let class = match class {
            Class::Main => 0,
            Class::Hot => HOT,
        };
        let (flag, mark) = (u64::from(flag) * FLAG, u64::from(mark) & MARK);
        let deadline = deadline.bits() << DEADLINE;
        Self(AtomicU64::new(deadline | class | flag | mark))
    }

    #[inline]
    pub(crate) fn deadline(&self) -> Deadline {
        Deadline::from_bits(self.0.load(Relaxed) >> DEADLINE)
    }

    #[inline]
    pub(crate) fn class(&self) -> Class {
        if self.0.load(Relaxed) & HOT == 0 {
            Class::Main
        } else {
            Class::Hot
        }
    }

    #[inline]
    pub(crate) fn flag(&self) -> bool {
        self.0.load(Relaxed) & FLAG != 0
    }

    #[inline]
    pub(crate) fn mark(&self) -> u8 {
        (self.0.load(Relaxed) & MARK) as u8
    }

    /// Counts a hit, unless the mark is saturated. Hits at the same time may count as one: a load and a
    /// store cost less than an atomic addition.
    #[inline]
    pub(crate) fn raise(&self) {
        let label = self.0.load(Relaxed);
        if label & MARK < u64::from(MARK_MAX) {
            self.0.store(label + 1, Relaxed);
        }
    }

    #[inline]
    pub(crate) fn set_mark(&mut self, mark: u8) {
        *self = Self::new(self.deadline(), self.class(), self.flag(), mark);
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;
    use crate::deadline::Epoch;

    #[test]
    fn its_parts_do_not_touch_each_other() {
        let soon = Epoch::new().deadline(Some(Instant::now() + Duration::from_secs(1)));
        for deadline in [soon, Deadline::NEVER] {
            for (class, flag) in [(Class::Main, true), (Class::Hot, false)] {
                let mut label = Label::new(deadline, class, flag, 0);
                let rest = |label: &Label| (label.deadline(), label.class(), label.flag());
                for hits in 0..=MARK_MAX + 2 {
                    assert_eq!(label.mark(), hits.min(MARK_MAX));
                    assert_eq!(rest(&label), (deadline, class, flag));
                    label.raise();
                }
                label.set_mark(1);
                assert_eq!(label.mark(), 1);
                assert_eq!(rest(&label), (deadline, class, flag));
            }
        }
    }
}
