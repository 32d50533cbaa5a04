use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::{RwLock, RwLockReadGuard, RwLockWriteGuard};

/// A reader-writer lock that counts what its readers found, so that a lookup which changes nothing
/// needs no more than shared access.
#[derive(Debug)]
pub(crate) struct Lock<T> {
    data: RwLock<T>,
    /// Lookups that found a live entry; on the line of the lock, which a reader writes anyway.
    hits: AtomicU64,
    /// Lookups that did not.
    misses: AtomicU64,
}

impl<T> Lock<T> {
    pub(crate) fn new(data: T) -> Self {
        Self {
            data: RwLock::new(data),
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
        }
    }

    /// Shared access, once no writer is inside or waiting.
    #[inline]
    pub(crate) fn read(&self) -> Reader<'_, T> {
        Reader {
            data: self.data.read(),
            lock: self,
        }
    }

    /// Exclusive access.
    #[inline]
    pub(crate) fn write(&self) -> Writer<'_, T> {
        Writer(self.data.write())
    }

    /// Hits and misses that readers have counted.
    pub(crate) fn lookups(&self) -> (u64, u64) {
        (
            self.hits.load(Ordering::Relaxed),
            self.misses.load(Ordering::Relaxed),
        )
    }
}

/// Shared access to what a [`Lock`] guards.
pub(crate) struct Reader<'a, T> {
    data: RwLockReadGuard<'a, T>,
    lock: &'a Lock<T>,
}

impl<T> Reader<'_, T> {
    /// Counts a lookup that found something.
    #[inline]
    pub(crate) fn hit(&self) {
        self.lock.hits.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a lookup that did not.
    #[inline]
    pub(crate) fn miss(&self) {
        self.lock.misses.fetch_add(1, Ordering::Relaxed);
    }
}

impl<T> Deref for Reader<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.data
    }
}

/// Exclusive access to what a [`Lock`] guards.
pub(crate) struct Writer<'a, T>(RwLockWriteGuard<'a, T>);

impl<T> Deref for Writer<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for Writer<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}
