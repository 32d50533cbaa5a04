//! Small numbers for threads, which pick their reader slots.

use std::{
    cell::Cell,
    sync::atomic::{
        AtomicU64, AtomicUsize,
        Ordering::{AcqRel, Acquire, Release, SeqCst},
    },
};

/// The most threads that have a number at the same time.
pub(crate) const MOST: usize = u64::BITS as usize;

/// One bit for each number that is taken.
static TAKEN: AtomicU64 = AtomicU64::new(0);

/// One more than the highest number that has ever been taken.
static SO_FAR: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// Has no destructor, so that a read need not check whether a destructor has been registered.
    static NUMBER: Cell<usize> = const { Cell::new(NONE) };
    static AT_END: GiveBack = const { GiveBack };
}

/// The number of this thread: below [`MOST`], and no other thread's as long as this thread lives. The
/// number is [`NONE`] before the thread has [enrolled](enrol), if no number was free then, and while the
/// thread is ending.
///
/// The accesses of a thread before it gave its number back happen before those of the next thread with
/// this number.
#[inline]
pub(crate) fn number() -> usize {
    NUMBER.get()
}

/// The number of a thread without a number.
pub(crate) const NONE: usize = usize::MAX;

/// The least number such that no thread has had it, or a higher one, so far. The load is sequentially
/// consistent: if a thread gets such a number later, it does so after this load.
#[inline]
pub(crate) fn so_far() -> usize {
    if cfg!(groupcache_loom) {
        return MOST; // The models choose the numbers themselves.
    }
    SO_FAR.load(SeqCst)
}

/// Gives this thread the lowest free number, if there is one and the thread has none yet.
pub(crate) fn enrol() {
    // The access registers the destructor that gives the number back when the thread ends. While the
    // thread is ending, the access fails, and the thread stays without a number.
    if NUMBER.get() == NONE && AT_END.try_with(|_| ()).is_ok() {
        NUMBER.set(take());
    }
}

fn take() -> usize {
    let lowest = |taken: u64| (!taken).trailing_zeros();
    let with_lowest = |taken: u64| 1_u64.checked_shl(lowest(taken)).map(|bit| taken | bit);
    let Ok(taken) = TAKEN.fetch_update(AcqRel, Acquire, with_lowest) else {
        return NONE;
    };
    let number = lowest(taken) as usize;
    SO_FAR.fetch_max(number + 1, SeqCst);
    number
}

/// Gives the thread's number back when it is dropped.
struct GiveBack;

impl Drop for GiveBack {
    fn drop(&mut self) {
        let number = NUMBER.replace(NONE);
        if number != NONE {
            TAKEN.fetch_and(!(1 << number), Release);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::sync::Barrier;
    use std::thread;

    use super::*;

    /// A single test, because the whole process shares the few numbers.
    #[test]
    fn threads_have_different_numbers_while_they_live_and_leave_them_to_others() {
        for _ in 0..3 {
            let together = Barrier::new(2 * MOST);
            let numbers: Vec<_> = thread::scope(|scope| {
                let numbered = || {
                    enrol();
                    let number = number();
                    together.wait();
                    number
                };
                let threads: Vec<_> = (0..2 * MOST).map(|_| scope.spawn(numbered)).collect();
                threads.into_iter().map(|t| t.join().unwrap()).collect()
            });
            let numbered: Vec<_> = numbers.into_iter().filter(|&n| n != NONE).collect();
            let different: HashSet<_> = numbered.iter().collect();
            assert_eq!(different.len(), numbered.len());
            assert!(numbered.iter().all(|&number| number < MOST));
            // The threads of other tests may have a few numbers.
            assert!(numbered.len() > MOST / 2, "{}", numbered.len());
        }
    }
}
