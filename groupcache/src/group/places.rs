use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Places for work that is under way, of which there are only so many.
#[derive(Debug)]
pub(super) struct Places {
    /// Every [`Place`] counts one.
    taken: Arc<AtomicUsize>,
    most: usize,
}

impl Places {
    pub(super) fn new(most: usize) -> Self {
        Self {
            taken: Arc::default(),
            most,
        }
    }

    /// Takes a place if one is free.
    pub(super) fn take(&self) -> Option<Place> {
        let place = Place(Arc::clone(&self.taken));
        (self.taken.fetch_add(1, Ordering::Relaxed) < self.most).then_some(place)
    }

    /// How many are taken.
    pub(super) fn taken(&self) -> usize {
        self.taken.load(Ordering::Relaxed).min(self.most)
    }

    /// How many there are.
    pub(super) fn most(&self) -> usize {
        self.most
    }
}

/// One of the [`Places`]. Dropping it gives it back.
pub(super) struct Place(Arc<AtomicUsize>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
