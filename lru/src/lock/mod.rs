//! Locks for data that is read all the time and written now and then.
//!
//! The readers of an ordinary lock write to it, and so take turns at its cache line even though they do
//! not wait for each other: on two threads a hit costs twice what it costs on one. Here a reader writes
//! to a line of its own, its *desk*: before it reads, it notes there what it is about to read, and
//! looks whether that is *closed*. A writer closes what it is about to write, looks at all desks, and
//! waits for those who are reading it. Either the reader sees that it is closed, or the writer sees the
//! note. (Dekker's algorithm; the desks are those of hazard pointers and of big-reader locks.)
//!
//! A reader that finds its data closed takes the note back and waits asleep at an ordinary lock, the
//! *gate*, which every writer holds; having passed it, it reads under the gate's protection. So does a
//! reader without a desk: there is one for each of the first threads that come, and as many as the
//! machine can run at once, several times over.
//!
//! Readers never wait for one another. A writer waits for those that are reading already, no more than
//! one short section of theirs each; it spins, and then yields, for they may have been preempted. Its
//! cost over that of an ordinary lock is one look at each desk that a thread has had so far.
//!
//! Hits and misses are counted at the desk too, without atomic additions, for nobody else writes there.

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
    desks: Box<[Desk]>,
}

/// Aligned so that no two share a cache line, nor a pair of lines that the processor prefetches
/// together.
///
/// What a reader looks at comes first.
#[repr(C, align(128))]
struct Lock<T> {
    /// Written by the writer that holds the gate.
    closed: AtomicBool,
    data: UnsafeCell<T>,
    gate: RwLock<()>,
    /// Lookups of readers at the gate.
    lookups: Lookups,
}

/// Where one thread says what it is reading. Written by that thread alone.
#[derive(Default)]
#[repr(align(128))]
struct Desk {
    /// One more than the number of the lock, or zero.
    reading: AtomicUsize,
    lookups: Lookups,
}

#[derive(Default)]
struct Lookups {
    /// Those that found something.
    hits: AtomicU64,
    /// Those that did not.
    misses: AtomicU64,
}

// SAFETY: the locks own their data, and sending the ones sends the others.
unsafe impl<T: Send> Send for Locks<T> {}

// SAFETY: readers on several threads share `&T`, which needs `T: Sync`; a writer has `&mut T` on a thread
// that may not be the one that made the data, which needs `T: Send`. That the two never coincide is argued
// where the references are made.
unsafe impl<T: Send + Sync> Sync for Locks<T> {}

impl<T> Locks<T> {
    /// Locks whose readers all pass the gate: for data that is hardly ever read without being written.
    pub(crate) fn without_desks(data: impl IntoIterator<Item = T>) -> Self {
        Self::with_desks(data, 0)
    }

    pub(crate) fn new(data: impl IntoIterator<Item = T>) -> Self {
        let running = available_parallelism().map_or(1, usize::from);
        Self::with_desks(data, (4 * running).clamp(16, thread::MOST))
    }

    fn with_desks(data: impl IntoIterator<Item = T>, desks: usize) -> Self {
        let lock = |data| Lock {
            closed: AtomicBool::new(false),
            data: UnsafeCell::new(data),
            gate: RwLock::new(()),
            lookups: Lookups::default(),
        };
        Self {
            locks: data.into_iter().map(lock).collect(),
            desks: (0..desks).map(|_| Desk::default()).collect(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.locks.len()
    }

    /// Lets this thread read together with others. `read` must not come back here: it may wait for a writer that
    /// waits for it.
    pub(crate) fn read<R>(&self, at: usize, read: impl FnOnce(&T) -> R) -> R {
        match self.try_read(at) {
            Some(data) => read(&data),
            None => read(&self.wait(at)),
        }
    }

    /// Lets this thread read together with others, if it has a desk that is free and no writer is at work.
    /// Otherwise it has to [`wait`](Self::wait).
    #[inline]
    pub(crate) fn try_read(&self, at: usize) -> Option<AtDesk<'_, T>> {
        self.try_read_by(thread::number(), at)
    }

    /// As [`try_read`](Self::try_read), by the thread with this number.
    #[inline]
    fn try_read_by(&self, thread: usize, at: usize) -> Option<AtDesk<'_, T>> {
        let lock = &self.locks[at];
        let desk = self.desks.get(thread)?;
        // Acquires, in case that it was left by a thread that had the number before.
        if desk.reading.load(Acquire) != 0 {
            // This thread is reading from another lock, or is about to read what it reads already.
            return None;
        }
        announce(&desk.reading, at + 1);
        let note = Note {
            reading: &desk.reading,
            of_this_thread: PhantomData,
        };
        if lock.closed.load(SeqCst) {
            return None;
        }
        Some(Reader {
            data: lock.data.get(),
            tally: Tally {
                lookups: &desk.lookups,
                shared: false,
            },
            _hold: note,
        })
    }

    /// Lets this thread read together with others, once no writer is at work.
    #[cold]
    pub(crate) fn wait(&self, at: usize) -> AtGate<'_, T> {
        if !self.desks.is_empty() {
            thread::enrol();
        }
        let lock = &self.locks[at];
        let gate = lock.gate.read();
        Reader {
            data: lock.data.get(),
            tally: Tally {
                lookups: &lock.lookups,
                shared: true,
            },
            _hold: gate,
        }
    }

    /// Locks alone.
    pub(crate) fn write(&self, at: usize) -> Writer<'_, T> {
        let lock = &self.locks[at];
        debug_assert!(
            !self.is_reading(),
            "a key's or value's own code, run during a lookup, changes the cache"
        );
        let gate = lock.gate.write();
        lock.closed.store(true, SeqCst);
        #[cfg(groupcache_loom)]
        loom::sync::atomic::fence(SeqCst);
        // No thread has ever had one of the others.
        for desk in self.desks.iter().take(thread::so_far()) {
            let mut turns = 0;
            // Also acquires: what the reader did with the data has happened before.
            while desk.reading.load(SeqCst) == at + 1 {
                pause(turns);
                turns = turns.saturating_add(1);
            }
        }
        Writer {
            data: lock.data.get_mut(),
            _closed: Closed(&lock.closed),
            _gate: gate,
        }
    }

    /// Whether this thread has left a note: a writer would wait for itself.
    fn is_reading(&self) -> bool {
        let desk = self.desks.get(thread::number());
        desk.is_some_and(|desk| desk.reading.load(Relaxed) != 0)
    }

    /// Hits and misses that readers have counted.
    pub(crate) fn lookups(&self) -> (u64, u64) {
        let desks = self.desks.iter().map(|desk| &desk.lookups);
        let lookups = desks.chain(self.locks.iter().map(|lock| &lock.lookups));
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

/// Where a reader counts what its lookup came to.
#[derive(Clone, Copy)]
pub(crate) struct Tally<'a> {
    lookups: &'a Lookups,
    /// Whether others count there at the same time.
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

/// Shared access to the data of one lock, and what keeps writers out meanwhile.
pub(crate) struct Reader<'a, T, H> {
    // In the order in which they are dropped.
    data: ConstPtr<T>,
    tally: Tally<'a>,
    _hold: H,
}

/// A reader that has left a note at its desk.
pub(crate) type AtDesk<'a, T> = Reader<'a, T, Note<'a>>;

/// A reader that has passed the gate, and keeps it from being closed.
pub(crate) type AtGate<'a, T> = Reader<'a, T, RwLockReadGuard<'a, ()>>;

/// Says what a thread is reading until it is dropped.
pub(crate) struct Note<'a> {
    reading: &'a AtomicUsize,
    /// It has to stay with the desk's owner.
    of_this_thread: PhantomData<*const ()>,
}

impl<T, H> Reader<'_, T, H> {
    /// Where to count what the lookup comes to.
    #[inline]
    pub(crate) fn tally(&self) -> Tally<'_> {
        self.tally
    }
}

impl<T, H> Deref for Reader<'_, T, H> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: the cell outlives the reference, and so does `_hold`; and while there is that, no `Writer` of
        // this lock exists. If it is a hold on the gate: every writer has the gate for itself. If it is a note:
        //
        // Its thread has, in this order, noted the lock at its desk and found the lock open; and a writer has,
        // in this order, closed the lock and found no note of it at the desk. All four are sequentially
        // consistent (under loom, the fences between them are), so they have one order that all threads
        // agree on, which leaves two cases.
        //
        // 1. The note was before the writer's look at the desk. The writer, which did not find it, has found
        //    what was stored there later. The first such store is the one that takes back the note: nobody
        //    else writes to a desk that is in use, see below. That was a release, which the writer's look
        //    acquired, or one that came after it in turn: the reader was done.
        // 2. The writer's look was before the note. Then so was its closing, and the reader's look was after
        //    that. It found the lock open, so it found what this writer, or one after it, stored when it was
        //    dropped. That was a release, which the reader's look acquired: the writer was done.
        //
        // A writer looks at the desks whose number any thread has had before it closed the lock; a thread that
        // gets one later finds the lock closed, as in the second case.
        //
        // A thread writes to the desk of its number, which no other has while it lives, only if it has found it
        // not in use. A note cannot leave its thread; should it outlive the thread's hold on the number, which
        // takes a destructor of another thread-local, the next thread with that number finds the desk in use
        // until the note is gone, and then has acquired what went before.
        unsafe { self.data.deref() }
    }
}

impl Drop for Note<'_> {
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
    _gate: RwLockWriteGuard<'a, ()>,
}

/// What keeps readers at their desks out.
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
        // SAFETY: the cell outlives the guard, and nobody else has access meanwhile. Another writer, or a
        // reader that waited at the gate, would hold the gate, which this one holds alone. For a reader at its
        // desk see `Reader::deref`, where nothing depends on which of the two came first.
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
        let open = |desk: &Desk| desk.reading.load(Relaxed) == 0;
        assert!(locks.desks.iter().all(open));
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
