//! Locks for data that is read all the time and written now and then.
//!
//! The readers of an ordinary lock write to the lock. So they take turns at its cache line, even though
//! they do not wait for each other: on two threads a hit costs twice what it costs on one. Here a reader
//! writes to a cache line of its own, its *reader slot*. Before a read, the reader announces in its slot
//! which data it is about to read, and then checks that this data is not *closed*. A writer closes the
//! data, looks at all slots, and waits for the readers that have announced this data. Either the reader
//! sees that the data is closed, or the writer sees the announcement. (This is Dekker's algorithm. Hazard
//! pointers and big-reader locks have similar slots.)
//!
//! A reader that finds its data closed withdraws the announcement and sleeps at an ordinary lock, the
//! *writer lock*. Every writer holds this lock. Once the reader shares the writer lock, it reads under
//! it. A reader without a slot does the same, and takes a slot for its later reads if one is free. There
//! are several slots for each thread that the machine can run at once.
//!
//! Readers never wait for one another. A writer waits for the readers that have already begun, each of
//! which runs one short section. The writer spins and then yields, because a reader may have been
//! preempted. A write looks at each slot that a thread has had, which an ordinary lock does not need.
//!
//! Readers count hits and misses in their slots too. They need no atomic additions, because only one
//! thread writes to a slot.

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

/// One piece of data and its lock. Aligned so that no two locks share a cache line, nor a pair of lines
/// that the processor prefetches together.
///
/// The fields that a reader looks at come first.
#[repr(C, align(128))]
struct Lock<T> {
    /// Whether a writer is at work. Only the writer that holds the writer lock writes this flag.
    closed: AtomicBool,
    data: UnsafeCell<T>,
    writer_lock: RwLock<()>,
    /// Lookups of readers that share the writer lock.
    lookups: Lookups,
}

/// The place where one thread announces what it is reading. No other thread writes to it.
#[derive(Default)]
#[repr(align(128))]
struct ReaderSlot {
    /// One more than the index of the lock that is being read, or zero.
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

// SAFETY: the locks own their data, so sending the locks sends the data.
unsafe impl<T: Send> Send for Locks<T> {}

// SAFETY: readers on several threads share `&T`, which needs `T: Sync`. A writer has `&mut T` on a
// thread that may not be the one that made the data, which needs `T: Send`. `Reader::deref` and
// `Writer::deref_mut` argue that a `&mut T` never coexists with another reference.
unsafe impl<T: Send + Sync> Sync for Locks<T> {}

impl<T> Locks<T> {
    /// Locks whose readers all share the writer lock, for data that is nearly always written when it is
    /// read.
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
    /// that waits for this reader.
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
        // Acquires, because another thread may have had this number, and left the slot, before.
        if slot.reading.load(Acquire) != 0 {
            // This thread is already reading, from this lock or from another one.
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
    #[inline]
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
        // No thread has ever had one of the slots from `so_far` on.
        let mut hits = 0;
        for slot in self.slots.iter().take(thread::so_far()) {
            hits += slot.lookups.hits.load(Relaxed);
            let mut turns = 0;
            // Acquires too, so that the reader's accesses to the data happen before the writer's.
            while slot.reading.load(SeqCst) == at + 1 {
                pause(turns);
                turns = turns.saturating_add(1);
            }
        }
        Writer {
            data: lock.data.get_mut(),
            hits: (hits >> self.locks.len().ilog2()) + lock.lookups.hits.load(Relaxed),
            _closed: Closed(&lock.closed),
            _writer_lock: writer_lock,
        }
    }

    /// Whether this thread has announced a read. If it then became a writer, it would wait for itself.
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

/// The counters for the outcome of a reader's lookup.
#[derive(Clone, Copy)]
pub(crate) struct Tally<'a> {
    lookups: &'a Lookups,
    /// Whether other threads use these counters at the same time.
    shared: bool,
}

impl Tally<'_> {
    /// Counts a lookup that found something.
    #[inline]
    pub(crate) fn hit(self) {
        self.count(&self.lookups.hits);
    }

    /// Counts a lookup that found nothing.
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

/// A reader that shares the writer lock with other readers.
pub(crate) type LockReader<'a, T> = Reader<'a, T, RwLockReadGuard<'a, ()>>;

/// The announcement of what a thread is reading. Dropping it withdraws the announcement.
pub(crate) struct Announcement<'a> {
    reading: &'a AtomicUsize,
    /// The announcement has to stay with the slot's owner.
    of_this_thread: PhantomData<*const ()>,
}

impl<T, H> Reader<'_, T, H> {
    /// The counters for the outcome of the lookup.
    #[inline]
    pub(crate) fn tally(&self) -> Tally<'_> {
        self.tally
    }
}

impl<T, H> Deref for Reader<'_, T, H> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: the cell and `_hold` outlive the reference. As long as `_hold` lives, no `Writer` of this
        // lock exists. If the hold is a share of the writer lock, the reason is that every writer holds that
        // lock alone. If the hold is an announcement, the reason is the following.
        //
        // The reader's thread has first announced the lock in its slot and then found the lock open. A
        // writer has first closed the lock and then found no announcement of it in the slot. All four
        // accesses are sequentially consistent (under loom, the fences between them are). So they have one
        // order that all threads agree on, and there are two cases.
        //
        // 1. The announcement was before the writer's look at the slot. The writer did not find the
        //    announcement, so its look read a later store to the slot. The first later store is the one
        //    that withdraws the announcement, because no other thread writes to a slot in use (see below).
        //    That store was a release. The writer's look acquired it, or acquired a store that came after
        //    it. So the reader was done.
        // 2. The writer's look was before the announcement. Then the closing was before the announcement
        //    too, and the reader's check was after the closing. The reader found the lock open, so its
        //    check read a store that opened the lock again: that of this writer or of a later one. Such a
        //    store happens when the writer is dropped, and was a release, which the check acquired. So the
        //    writer was done.
        //
        // A writer closes the lock, and then looks at all slots whose number any thread has had so far. A
        // thread that gets its number later finds the lock closed, as in the second case.
        //
        // A thread writes only to the slot of its number, and only if it has found this slot not in use. No
        // other thread has the same number at the same time. An announcement cannot leave its thread, but it
        // may outlive the thread's hold on the number, if a destructor of another thread-local drops it. In
        // that case the next thread with this number finds the slot in use until the announcement is gone,
        // and then has acquired what went before.
        unsafe { self.data.deref() }
    }
}

impl Drop for Announcement<'_> {
    #[inline]
    fn drop(&mut self) {
        // A release, so that the reads of the data happen before a writer's accesses.
        self.reading.store(0, Release);
    }
}

/// Exclusive access to the data of one lock.
pub(crate) struct Writer<'a, T> {
    // In the order in which they are dropped.
    data: MutPtr<T>,
    hits: u64,
    _closed: Closed<'a>,
    _writer_lock: RwLockWriteGuard<'a, ()>,
}

/// Keeps readers with slots out until it is dropped.
struct Closed<'a>(&'a AtomicBool);

impl<T> Writer<'_, T> {
    /// The hits that readers have counted at this lock. Readers with a slot count those at all locks together, and the
    /// average is taken of these, as if the number of locks were rounded down to a power of two.
    #[inline]
    pub(crate) fn hits(&self) -> u64 {
        self.hits
    }
}

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
        // SAFETY: the cell outlives the guard, and no other thread has access meanwhile. Another writer,
        // or a reader without an announcement, would hold the writer lock, but this writer holds it
        // alone. For a reader with an announcement see `Reader::deref`: the argument there holds
        // whichever of the two came first.
        unsafe { self.data.deref() }
    }
}

impl Drop for Closed<'_> {
    fn drop(&mut self) {
        // A release, so that the writes to the data happen before a reader's accesses.
        self.0.store(false, Release);
    }
}

#[cfg(all(test, not(groupcache_loom)))]
mod tests {
    use super::*;

    #[test]
    fn writers_exclude_readers_and_each_other_and_lookups_are_counted() {
        // An interpreter takes thousands of times as long, and is run with many orders of the threads.
        const ROUNDS: u64 = if cfg!(miri) { 16 } else { 20_000 };
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
