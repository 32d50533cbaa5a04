//! A lock for data that is read all the time and written now and then.
//!
//! Readers of an ordinary lock write to one word, and so take turns at the cache line that it is in,
//! even though they do not wait for each other: on two threads a hit costs twice what it costs on one.
//! Here each thread enters and leaves by a *stripe*, a word on a line of its own, as in the big-reader
//! locks of operating systems. A writer closes all stripes and waits until their readers have left.
//!
//! A reader that finds its stripe closed goes back and takes the writers' mutex, under which nobody
//! writes: there it waits asleep, and reads without entering the stripe. Readers never wait for one
//! another but there. A writer waits for readers that are inside already, no more than one short
//! section of theirs each; it spins, and then yields, for they may have been preempted.
//!
//! The word that counts a stripe's readers also counts its hits, so that a hit is counted by the very
//! write with which its reader leaves.

#![allow(
    unsafe_code,
    reason = "the data is handed out by a protocol of atomics; argued below"
)]

use std::{
    cell::UnsafeCell,
    fmt, hint,
    marker::PhantomData,
    ops::{Deref, DerefMut},
    sync::{
        LazyLock,
        atomic::{
            AtomicU64, AtomicUsize,
            Ordering::{Acquire, Relaxed, Release},
        },
    },
    thread,
};

use parking_lot::{Mutex, MutexGuard};

/// A stripe's word, from the low bits: its readers, whether it is closed, and its hits. The readers are
/// no more than the process has threads, and 2^47 hits take weeks of nothing else, on one stripe of one
/// lock; then their count starts over.
const READER: u64 = 1;
const CLOSED: u64 = 1 << 16;
const HIT: u64 = 1 << 17;
const READERS: u64 = CLOSED - 1;

const MOST_STRIPES: usize = 16;

/// A power of two, the same for all locks of the process.
static STRIPES: LazyLock<usize> = LazyLock::new(|| {
    let threads = thread::available_parallelism().map_or(1, usize::from);
    threads.next_power_of_two().min(MOST_STRIPES)
});

static THREADS: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// Threads take stripes in turn, and keep to them.
    static THREAD: usize = THREADS.fetch_add(1, Relaxed);
}

pub(crate) struct Lock<T> {
    /// A power of two of them.
    stripes: Box<[Stripe]>,
    /// Held by a writer from before it closes the first stripe until after it has opened the last.
    writers: Mutex<()>,
    data: UnsafeCell<T>,
}

/// On a line of its own, and on a pair of lines that the processor prefetches together.
#[repr(align(128))]
#[derive(Default)]
struct Stripe {
    word: AtomicU64,
    misses: AtomicU64,
}

// SAFETY: a lock owns its data, and sending the one sends the other.
unsafe impl<T: Send> Send for Lock<T> {}

// SAFETY: readers on several threads share `&T`, which needs `T: Sync`; a writer has `&mut T` on a thread
// that may not be the one that made the data, which needs `T: Send`. That the two never coincide is argued
// at `Reader` and `Writer`.
unsafe impl<T: Send + Sync> Sync for Lock<T> {}

impl<T> Lock<T> {
    pub(crate) fn new(data: T) -> Self {
        Self {
            stripes: (0..*STRIPES).map(|_| Stripe::default()).collect(),
            writers: Mutex::new(()),
            data: UnsafeCell::new(data),
        }
    }

    /// Locks together with other readers. Must not be called with a guard of the same lock at hand.
    #[inline]
    pub(crate) fn read(&self) -> Reader<'_, T> {
        let stripe = &self.stripes[THREAD.with(|&thread| thread) & (self.stripes.len() - 1)];
        // Acquire: what the last writer did before it opened the stripe is seen.
        let alone = if stripe.word.fetch_add(READER, Acquire) & CLOSED == 0 {
            None
        } else {
            Some(self.wait(stripe))
        };
        Reader {
            lock: self,
            stripe,
            leave: READER.wrapping_neg(),
            alone,
            not_send: PhantomData,
        }
    }

    #[cold]
    fn wait(&self, stripe: &Stripe) -> MutexGuard<'_, ()> {
        stripe.word.fetch_sub(READER, Relaxed);
        self.writers.lock()
    }

    /// Locks alone.
    pub(crate) fn write(&self) -> Writer<'_, T> {
        let turn = self.writers.lock();
        for stripe in &self.stripes {
            stripe.word.fetch_or(CLOSED, Relaxed);
        }
        for stripe in &self.stripes {
            let mut spins = 0;
            // Acquire: the readers that left are done with the data.
            while stripe.word.load(Acquire) & READERS != 0 {
                spins += 1;
                if spins < 64 {
                    hint::spin_loop();
                } else {
                    thread::yield_now();
                }
            }
        }
        Writer {
            lock: self,
            _turn: turn,
        }
    }

    /// The hits and misses that readers have counted.
    pub(crate) fn lookups(&self) -> (u64, u64) {
        self.stripes.iter().fold((0, 0), |(hits, misses), stripe| {
            (
                hits + stripe.word.load(Relaxed) / HIT,
                misses + stripe.misses.load(Relaxed),
            )
        })
    }
}

impl<T> fmt::Debug for Lock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lock").finish_non_exhaustive()
    }
}

pub(crate) struct Reader<'a, T> {
    lock: &'a Lock<T>,
    stripe: &'a Stripe,
    /// What is added to the stripe's word at the end.
    leave: u64,
    /// Held if the stripe was closed; the stripe does not count this reader then.
    alone: Option<MutexGuard<'a, ()>>,
    /// Whatever the mutex's guard is: a reader stays on its thread.
    not_send: PhantomData<*const ()>,
}

impl<T> Reader<'_, T> {
    /// Counts a lookup that found something. Once per guard.
    #[inline]
    pub(crate) fn hit(&mut self) {
        self.leave = self.leave.wrapping_add(HIT);
    }

    /// Counts a lookup that did not.
    #[inline]
    pub(crate) fn miss(&mut self) {
        self.stripe.misses.fetch_add(1, Relaxed);
    }
}

impl<T> Deref for Reader<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: no `Writer` exists. Either this reader holds the writers' mutex, and a writer holds it all
        // its life. Or this reader was added to the word of its stripe while that was open, and is taken off
        // when it is dropped; additions to and closings of one word have one order, so a writer that closes
        // the stripe later counts this reader and is not made before it has left. What it reads, a previous
        // writer wrote before it opened the stripe (release), or before it released the mutex.
        unsafe { &*self.lock.data.get() }
    }
}

impl<T> Drop for Reader<'_, T> {
    #[inline]
    fn drop(&mut self) {
        if self.alone.is_some() {
            self.leave = self.leave.wrapping_add(READER);
        }
        // Release: the data has been read. The readers on the stripe are at least as many as are taken off.
        self.stripe.word.fetch_add(self.leave, Release);
    }
}

pub(crate) struct Writer<'a, T> {
    lock: &'a Lock<T>,
    /// Dropped after the stripes have been opened: fields are, after their owner's `drop`.
    _turn: MutexGuard<'a, ()>,
}

impl<T> Deref for Writer<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: as in `deref_mut`.
        unsafe { &*self.lock.data.get() }
    }
}

impl<T> DerefMut for Writer<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: this is the only guard. It holds the mutex, as every other writer and every reader that
        // found its stripe closed would have to. All stripes are closed and had no readers at some moment
        // after that; one that came since adds itself, sees the stripe closed, and takes itself off without
        // touching the data. The loads that saw no readers have seen (acquire) that those were done.
        unsafe { &mut *self.lock.data.get() }
    }
}

impl<T> Drop for Writer<'_, T> {
    fn drop(&mut self) {
        for stripe in &self.lock.stripes {
            // Release: the data has been written.
            stripe.word.fetch_and(!CLOSED, Release);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writers_exclude_readers_and_each_other_and_hits_are_counted() {
        const ROUNDS: u64 = 20_000;
        let lock = Lock::new([0_u64; 8]);
        thread::scope(|scope| {
            for n in 0..4 {
                let lock = &lock;
                scope.spawn(move || {
                    for round in 0..ROUNDS {
                        if (round + n) % 8 == 0 {
                            lock.write().iter_mut().for_each(|cell| *cell += 1);
                        } else {
                            let mut seen = lock.read();
                            assert!(seen.iter().all(|cell| *cell == seen[0]));
                            if round % 2 == 0 {
                                seen.hit();
                            } else {
                                seen.miss();
                            }
                        }
                    }
                });
            }
        });
        let (hits, misses) = lock.lookups();
        assert_eq!(*lock.read(), [4 * ROUNDS / 8; 8]);
        assert_eq!(hits + misses, 4 * ROUNDS * 7 / 8);
        assert!(
            lock.stripes
                .iter()
                .all(|stripe| stripe.word.load(Relaxed) % HIT == 0)
        );
    }

    #[test]
    fn a_panicking_writer_unlocks() {
        let lock = Lock::new(0);
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            *lock.write() = 1;
            panic!("on purpose");
        }));
        assert!(panicked.is_err());
        assert_eq!(*lock.read(), 1);
    }
}
