use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::{Class, deadline::Deadline};

/// Where the mark saturates: more hits between two looks of the policy tell it nothing.
pub(crate) const MARK_MAX: u8 = 2;

/// What a lookup has to know of an entry besides its key and value, in one word beside them: when it
/// expires, its [`Class`], and its *mark*, the hits since the policy last looked, up to a few.
///
/// Atomic, because hits raise the mark while others read.
#[derive(Debug)]
pub(crate) struct Label(AtomicU64);

/// From the low bits: the mark, the class, the deadline.
const MARK: u64 = 0b111;
const HOT: u64 = MARK + 1;
const DEADLINE: u32 = u64::BITS - Deadline::BITS;

const _: () = assert!(MARK_MAX as u64 <= MARK && DEADLINE == HOT.ilog2() + 1);

impl Label {
    #[inline]
    pub(crate) fn new(deadline: Deadline, class: Class, mark: u8) -> Self {
        let class = match class {
            Class::Main => 0,
            Class::Hot => HOT,
        };
        let mark = u64::from(mark) & MARK;
        Self(AtomicU64::new(deadline.bits() << DEADLINE | class | mark))
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
    pub(crate) fn mark(&self) -> u8 {
        (self.0.load(Relaxed) & MARK) as u8
    }

    /// Counts a hit, if there is anything left to count. Those that do so at once may be taken for
    /// one, which costs less than an atomic addition would.
    #[inline]
    pub(crate) fn raise(&self) {
        let label = self.0.load(Relaxed);
        if label & MARK < u64::from(MARK_MAX) {
            self.0.store(label + 1, Relaxed);
        }
    }

    #[inline]
    pub(crate) fn set_mark(&mut self, mark: u8) {
        *self = Self::new(self.deadline(), self.class(), mark);
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
            for class in [Class::Main, Class::Hot] {
                let mut label = Label::new(deadline, class, 0);
                for hits in 0..=MARK_MAX + 2 {
                    assert_eq!(label.mark(), hits.min(MARK_MAX));
                    assert_eq!((label.deadline(), label.class()), (deadline, class));
                    label.raise();
                }
                label.set_mark(1);
                assert_eq!(label.mark(), 1);
                assert_eq!((label.deadline(), label.class()), (deadline, class));
            }
        }
    }
}
