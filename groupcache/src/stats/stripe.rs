use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};

/// The most threads that have a stripe of their own at the same time.
pub(super) const STRIPES: usize = u64::BITS as usize;

/// One bit for each stripe that belongs to a thread.
static TAKEN: AtomicU64 = AtomicU64::new(0);

const NONE: usize = usize::MAX;

thread_local! {
    /// Without a destructor, so that reading it need not register one.
    static STRIPE: Cell<usize> = const { Cell::new(NONE) };
    static RELEASE: ReleaseAtEnd = const { ReleaseAtEnd };
}

/// The number of this thread's own stripe, below [`STRIPES`]. A higher number stands for none: before the
/// thread has [claimed](claim) one, if none was free then, and while the thread is ending.
#[inline]
pub(super) fn own() -> usize {
    STRIPE.get()
}

/// Claims the lowest free stripe for this thread, if one is free and the thread has none yet. Its counts
/// by the thread that had it before are visible to this thread.
pub(super) fn claim() {
    // The access registers the destructor that releases the stripe. It fails while the thread is ending.
    if STRIPE.get() != NONE || RELEASE.try_with(|_| ()).is_err() {
        return;
    }
    let lowest = |taken: u64| 1_u64.checked_shl(taken.trailing_ones());
    let with_lowest = |taken: u64| lowest(taken).map(|bit| taken | bit);
    if let Ok(taken) = TAKEN.fetch_update(Ordering::AcqRel, Ordering::Acquire, with_lowest) {
        STRIPE.set(taken.trailing_ones() as usize);
    }
}

/// Releases the thread's stripe when it is dropped.
struct ReleaseAtEnd;

impl Drop for ReleaseAtEnd {
    fn drop(&mut self) {
        let stripe = STRIPE.replace(NONE);
        if stripe != NONE {
            TAKEN.fetch_and(!(1 << stripe), Ordering::Release);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::sync::Barrier;
    use std::thread;

    use super::*;

    #[test]
    fn threads_have_different_stripes_while_they_live_and_release_them() {
        for _ in 0..3 {
            let together = Barrier::new(2 * STRIPES);
            let claimed = || {
                claim();
                together.wait();
                own()
            };
            let stripes: Vec<_> = thread::scope(|scope| {
                let threads: Vec<_> = (0..2 * STRIPES).map(|_| scope.spawn(claimed)).collect();
                threads.into_iter().map(|t| t.join().unwrap()).collect()
            });
            let owned: Vec<_> = stripes.into_iter().filter(|&n| n != NONE).collect();
            assert!(owned.iter().all(|&stripe| stripe < STRIPES));
            assert_eq!(owned.iter().collect::<HashSet<_>>().len(), owned.len());
            // Threads of other tests may have a few.
            assert!(owned.len() > STRIPES / 2, "{}", owned.len());
        }
    }
}
