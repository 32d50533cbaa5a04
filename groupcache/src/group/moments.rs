//! Values that stop being fresh at a moment of the wall clock.
//!
//! An entry ages by the node's own clock, which runs evenly and stands still while the machine sleeps. When the value comes,
//! its moment is translated to that clock. If the wall clock goes ahead later, because it is set or the machine has slept, the
//! translations are wrong. So a [task](super::clocks) compares the two clocks, and then the group forgets its values.
//!
//! A group without such values has no such task.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use crate::lifetime::Lifetime;

/// Starts the task of a group with the first value that has a moment.
pub(super) struct Moments {
    start: Box<dyn Fn() + Send + Sync>,
    is_watched: AtomicBool,
}

impl Moments {
    pub(super) fn new(start: impl Fn() + Send + Sync + 'static) -> Self {
        Self {
            start: Box::new(start),
            is_watched: AtomicBool::new(false),
        }
    }

    /// Notes a value that was stored.
    #[inline]
    pub(super) fn note(&self, lifetime: Lifetime) {
        if lifetime.is_of_moment
            && !self.is_watched.load(Relaxed)
            && !self.is_watched.swap(true, Relaxed)
        {
            (self.start)();
        }
    }
}

impl fmt::Debug for Moments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Moments").field(&self.is_watched).finish()
    }
}
