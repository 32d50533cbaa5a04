//! Locks for data that is read all the time and written now and then.
//!
//! The readers of an ordinary lock write to it, and so take turns at its cache line even though they do
//! not wait for each other: on two threads a hit costs twice what it costs on one. Here a reader writes
//! to a cache line of its own, its *reader slot*. Before it reads, it announces there which data it is
//! about to read, and then checks that this data is not *closed*. A writer closes the data, looks at
//! all slots, and waits for those readers that have announced it. Either the reader sees that the data
//! is closed, or the writer sees the announcement. (This is Dekker's algorithm; the slots are those of
//! hazard pointers and of big-reader locks.)
//!
//! A reader that finds its data closed withdraws the announcement and sleeps at an ordinary lock, the
//! *writer lock*, which every writer holds. Once it has that lock, it reads under it. A reader without a
//! slot does the same. Slots go to the first threads that come; there are several for each thread that
//! the machine can run at once.
//!
//! Readers never wait for one another. A writer waits for the readers that have already begun, one
//! short section each; it spins and then yields, because they may have been preempted. A write costs
//! one look at each slot in use more than with an ordinary lock.
//!
//! Hits and misses are counted in the slots too, without atomic additions, because each slot has one
//! thread that writes to it.

#![allow(
    unsafe_code,
    reason = "the data is handed out by a protocol of atomics; argued below"
)]

#[cfg(all(test, groupcache_loom))]
mod model;
mod sync;
pub(crate) mod thread;

use std::{
    fmt,
    marker::PhantomData,
    ops::{Deref, DerefMut},
    sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst},
    thread::available_parallelism,
};

use self::sync::{
    AtomicBool, AtomicU64, AtomicUsize, ConstPtr, MutPtr, RwLock, RwLockReadGuard,
    RwLockWriteGuard, UnsafeCell, announce, pause,
};

/// Several pieces of data, each behind a lock of its own.
pub(crate) struct Locks<T> {
    locks: Box<[Lock<T>]>,
    slots: Box<[ReaderSlot]>,
}

/// Aligned so that no two share a cache line, nor a pair of lines that the processor prefetches
/// together.
///
/// The fields that a reader looks at come first.
#[repr(C, align(128))]
struct Lock<T> {
    /// Written by the writer that holds the writer lock.
    closed: AtomicBool,
    data: UnsafeCell<T>,
    writer_lock: RwLock<()>,
    /// Lookups of readers that hold the writer lock.
    lookups: Lookups,
}

/// Where one thread announces what it is reading. No other thread writes to it.
#[derive(Default)]
#[repr(align(128))]
struct ReaderSlot {
    /// One more than the number of the lock, or zero.
    reading: AtomicUsize,
    lookups: Lookups,
}

#[derive(Default)]
struct Lookups {
    /// Lookups that found an entry.
    hits: AtomicU64,
    /// Lookups that found none.
    misses: AtomicU64,
}

// SAFETY: the locks own their data, and sending the ones sends the others.
unsafe impl<T: Send> Send for Locks<T> {}

// SAFETY: readers on several threads share `&T`, which needs `T: Sync`; a writer has `&mut T` on a thread
// that may not be the one that made the data, which needs `T: Send`. That the two never coincide is argued
// where the references are made.
unsafe impl<T: Send + Sync> Sync for Locks<T> {}

impl<T> Locks<T> {
    /// Locks whose readers all take the writer lock: for data that is hardly ever read without being
    /// written.
    pub(crate) fn without_slots(data: impl IntoIterator<Item = T>) -> Self {
        Self::with_slots(data, 0)
    }

    pub(crate) fn new(data: impl IntoIterator<Item = T>) -> Self {
        let running = available_parallelism().map_or(1, usize::from);
        Self::with_slots(data, (4 * running).clamp(16, thread::MOST))
    }

    fn with_slots(data: impl IntoIterator<Item = T>, slots: usize) -> Self {
        let lock = |data| Lock {
            closed: AtomicBool::new(false),
            data: UnsafeCell::new(data),
            writer_lock: RwLock::new(()),
            lookups: Lookups::default(),
        };
        Self {
            locks: data.into_iter().map(lock).collect(),
            slots: (0..slots).map(|_| ReaderSlot::default()).collect(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.locks.len()
    }

    /// Reads together with other readers. `read` must not use these locks: it might wait for a writer
    /// that waits for it.
    pub(crate) fn read<R>(&self, at: usize, read: impl FnOnce(&T) -> R) -> R {
        match self.try_read(at) {
            Some(data) => read(&data),
            None => read(&self.wait(at)),
        }
    }

    /// Reads together with other readers, if this thread has a free slot and no writer is at work.
    /// Otherwise the thread has to [`wait`](Self::wait).
    #[inline]
    pub(crate) fn try_read(&self, at: usize) -> Option<SlotReader<'_, T>> {
        self.try_read_by(thread::number(), at)
    }

    /// As [`try_read`](Self::try_read), by the thread with this number.
    #[inline]
    fn try_read_by(&self, thread: usize, at: usize) -> Option<SlotReader<'_, T>> {
        let lock = &self.locks[at];
        let slot = self.slots.get(thread)?;
        // Acquires, in case the slot was left by a thread that had the number before.
        if slot.reading.load(Acquire) != 0 {
            // This thread is reading from another lock, or is about to read what it reads already.
            return None;
        }
        announce(&slot.reading, at + 1);
        let announcement = Announcement {
            reading: &slot.reading,
            of_this_thread: PhantomData,
        };
        if lock.closed.load(SeqCst) {
            return None;
        }
        Some(Reader {
            data: lock.data.get(),
            tally: Tally {
                lookups: &slot.lookups,
                shared: false,
            },
            _hold: announcement,
        })
    }

    /// Reads together with other readers, once no writer is at work.
    #[cold]
    pub(crate) fn wait(&self, at: usize) -> LockReader<'_, T> {
        if !self.slots.is_empty() {
            thread::enrol();
        }
        let lock = &self.locks[at];
        let hold = lock.writer_lock.read();
        Reader {
            data: lock.data.get(),
            tally: Tally {
                lookups: &lock.lookups,
                shared: true,
            },
            _hold: hold,
        }
    }

    /// Locks for writing.
    pub(crate) fn write(&self, at: usize) -> Writer<'_, T> {
        let lock = &self.locks[at];
        debug_assert!(
            !self.is_reading(),
            "a key's or value's own code, run during a lookup, changes the cache"
        );
        let writer_lock = lock.writer_lock.write();
        lock.closed.store(true, SeqCst);
        #[cfg(groupcache_loom)]
        loom::sync::atomic::fence(SeqCst);
        // No thread has ever had one of the other slots.
        for slot in self.slots.iter().take(thread::so_far()) {
            let mut turns = 0;
            // Also acquires: the reader's accesses to the data have happened before.
            while slot.reading.load(SeqCst) == at + 1 {
                pause(turns);
                turns = turns.saturating_add(1);
            }
        }
        Writer {
            data: lock.data.get_mut(),
            _closed: Closed(&lock.closed),
            _writer_lock: writer_lock,
        }
    }

    /// Whether this thread has announced a read: as a writer it would wait for itself.
    fn is_reading(&self) -> bool {
        let slot = self.slots.get(thread::number());
        slot.is_some_and(|slot| slot.reading.load(Relaxed) != 0)
    }

    /// Hits and misses that readers have counted.
    pub(crate) fn lookups(&self) -> (u64, u64) {
        let slots = self.slots.iter().map(|slot| &slot.lookups);
        let lookups = slots.chain(self.locks.iter().map(|lock| &lock.lookups));
        lookups.fold((0, 0), |(hits, misses), lookups| {
            let (more_hits, more_misses) = (&lookups.hits, &lookups.misses);
            (
                hits + more_hits.load(Relaxed),
                misses + more_misses.load(Relaxed),
            )
        })
    }
}

impl<T> fmt::Debug for Locks<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Locks")
            .field("locks", &self.locks.len())
            .finish_non_exhaustive()
    }
}

/// Where a reader counts the outcome of its lookup.
#[derive(Clone, Copy)]
pub(crate) struct Tally<'a> {
    lookups: &'a Lookups,
    /// Whether other threads count there at the same time.
    shared: bool,
}

impl Tally<'_> {
    /// Counts a lookup that found something.
    #[inline]
    pub(crate) fn hit(self) {
        self.count(&self.lookups.hits);
    }

    /// Counts a lookup that did not.
    #[inline]
    pub(crate) fn miss(self) {
        self.count(&self.lookups.misses);
    }

    #[inline]
    fn count(self, count: &AtomicU64) {
        if self.shared {
            count.fetch_add(1, Relaxed);
        } else {
            count.store(count.load(Relaxed) + 1, Relaxed);
        }
    }
}

/// Shared access to the data of one lock, and the hold that keeps writers out.
pub(crate) struct Reader<'a, T, H> {
    // In the order in which they are dropped.
    data: ConstPtr<T>,
    tally: Tally<'a>,
    _hold: H,
}

/// A reader that has announced itself in its slot.
pub(crate) type SlotReader<'a, T> = Reader<'a, T, Announcement<'a>>;

/// A reader that holds the writer lock together with others.
pub(crate) type LockReader<'a, T> = Reader<'a, T, RwLockReadGuard<'a, ()>>;

/// Announces what a thread is reading until it is dropped.
pub(crate) struct Announcement<'a> {
    reading: &'a AtomicUsize,
    /// The announcement has to stay with the slot's owner.
    of_this_thread: PhantomData<*const ()>,
}

impl<T, H> Reader<'_, T, H> {
    /// Where to count the outcome of the lookup.
    #[inline]
    pub(crate) fn tally(&self) -> Tally<'_> {
        self.tally
    }
}

impl<T, H> Deref for Reader<'_, T, H> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: the cell outlives the reference, and so does `_hold`; and as long as `_hold` lives, no `Writer`
        // of this lock exists. If the hold is a share of the writer lock: every writer holds that lock alone. If
        // the hold is an announcement:
        //
        // The reader's thread has, in this order, announced the lock in its slot and found the lock open; and a
        // writer has, in this order, closed the lock and found no announcement of it in the slot. All four
        // accesses are sequentially consistent (under loom, the fences between them are), so they have one order
        // that all threads agree on, which leaves two cases.
        //
        // 1. The announcement was before the writer's look at the slot. The writer did not find it, so it found
        //    a later store to the slot. The first such store withdraws the announcement: no other thread writes
        //    to a slot that is in use, see below. That store was a release, which the writer's look acquired, or
        //    the writer's look acquired a store that came after it in turn: the reader was done.
        // 2. The writer's look was before the announcement. Then so was its closing, and the reader's check was
        //    after that. The reader found the lock open, so it found the store with which this writer, or one
        //    after it, opened the lock when it was dropped. That store was a release, which the reader's check
        //    acquired: the writer was done.
        //
        // A writer looks at the slots whose number any thread has had before it closed the lock; a thread that
        // gets a number later finds the lock closed, as in the second case.
        //
        // A thread writes to the slot of its number, which no other thread has while it lives, only if it has
        // found the slot not in use. An announcement cannot leave its thread; should it outlive the thread's hold
        // on the number, which takes a destructor of another thread-local, the next thread with that number finds
        // the slot in use until the announcement is gone, and then has acquired what went before.
        unsafe { self.data.deref() }
    }
}

impl Drop for Announcement<'_> {
    #[inline]
    fn drop(&mut self) {
        // The data has been read.
        self.reading.store(0, Release);
    }
}

/// Exclusive access to the data of one lock.
pub(crate) struct Writer<'a, T> {
    // In the order in which they are dropped.
    data: MutPtr<T>,
    _closed: Closed<'a>,
    _writer_lock: RwLockWriteGuard<'a, ()>,
}

/// Keeps readers with slots out until it is dropped.
struct Closed<'a>(&'a AtomicBool);

impl<T> Deref for Writer<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: as in `deref_mut`.
        unsafe { self.data.deref() }
    }
}

impl<T> DerefMut for Writer<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: the cell outlives the guard, and no other thread has access meanwhile. Another writer, or a
        // reader without an announcement, would hold the writer lock, which this writer holds alone. For a
        // reader with a slot see `Reader::deref`, where nothing depends on which of the two came first.
        unsafe { self.data.deref() }
    }
}

impl Drop for Closed<'_> {
    fn drop(&mut self) {
        // The data has been written.
        self.0.store(false, Release);
    }
}

#[cfg(all(test, not(groupcache_loom)))]
mod tests {
    use super::*;

    #[test]
    fn writers_exclude_readers_and_each_other_and_lookups_are_counted() {
        const ROUNDS: u64 = 20_000;
        let locks = Locks::new([[0_u64; 8]; 2]);
        std::thread::scope(|scope| {
            for n in 0..4 {
                let locks = &locks;
                scope.spawn(move || {
                    for round in 0..ROUNDS {
                        if (round + n) % 8 == 0 {
                            locks.write(0).iter_mut().for_each(|cell| *cell += 1);
                            continue;
                        }
                        let look = |seen: &[u64; 8], tally: Tally<'_>| {
                            assert!(seen.iter().all(|cell| *cell == seen[0]));
                            if round % 2 == 0 {
                                tally.hit();
                            } else {
                                tally.miss();
                            }
                        };
                        match locks.try_read(0) {
                            Some(seen) => look(&seen, seen.tally()),
                            None => {
                                let seen = locks.wait(0);
                                look(&seen, seen.tally());
                            }
                        }
                    }
                });
            }
        });
        let (hits, misses) = locks.lookups();
        locks.read(0, |seen| assert_eq!(*seen, [4 * ROUNDS / 8; 8]));
        assert_eq!(hits + misses, 4 * ROUNDS * 7 / 8);
        let open = |slot: &ReaderSlot| slot.reading.load(Relaxed) == 0;
        assert!(locks.slots.iter().all(open));
    }

    #[test]
    fn panics_unlock() {
        let locks = Locks::new([0]);
        let panicked = |panics: fn(&Locks<i32>)| {
            let panics = std::panic::AssertUnwindSafe(|| panics(&locks));
            std::panic::catch_unwind(panics).is_err()
        };
        assert!(panicked(|locks| {
            *locks.write(0) = 1;
            panic!("on purpose");
        }));
        assert!(panicked(|locks| locks.read(0, |_| panic!("on purpose"))));
        *locks.write(0) += 1;
        locks.read(0, |data| assert_eq!(*data, 2));
    }
}
