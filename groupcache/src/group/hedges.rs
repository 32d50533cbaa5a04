use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// One fetch in this many may be hedged.
const FETCHES_PER_HEDGE: u32 = 20;

/// The most hedges that may be saved up while there is no need for them.
const SAVED: u32 = 10;

/// When fetches are hedged, and how many more may be.
///
/// Hedged requests: Dean and Barroso, *The tail at scale*, CACM 56(2), 2013. Their number is bounded, because a node that is slow
/// under load should not make the others slow too.
#[derive(Debug)]
pub(super) struct Hedges {
    /// A fetch is hedged when it takes longer than this share of the owner's answers.
    pub(super) share: f64,
    /// Each fetch adds one, and each hedge takes [`FETCHES_PER_HEDGE`].
    saved: AtomicU32,
}

impl Hedges {
    pub(super) fn new(share: f64) -> Self {
        Self {
            share,
            saved: AtomicU32::new(0),
        }
    }

    /// Counts a fetch that may be hedged.
    pub(super) fn note_fetch(&self) {
        let add = |saved| (saved < SAVED * FETCHES_PER_HEDGE).then_some(saved + 1);
        _ = self.saved.fetch_update(Relaxed, Relaxed, add);
    }

    /// Whether one more fetch may be hedged now.
    pub(super) fn take(&self) -> bool {
        let take = |saved: u32| saved.checked_sub(FETCHES_PER_HEDGE);
        self.saved.fetch_update(Relaxed, Relaxed, take).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_fetch_in_twenty_is_hedged_and_ten_hedges_are_saved_up() {
        let hedges = Hedges::new(0.9);
        assert!(!hedges.take());
        (0..100).for_each(|_| hedges.note_fetch());
        assert_eq!((0..100).filter(|_| hedges.take()).count(), 5);
        (0..1_000_000).for_each(|_| hedges.note_fetch());
        assert_eq!((0..100).filter(|_| hedges.take()).count(), 10);
    }
}
