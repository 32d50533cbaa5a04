use std::ops::{Deref, DerefMut};

use parking_lot::{RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

#[derive(Debug)]
pub(crate) struct Lock<T> {
    data: RwLock<T>,
    hits: AtomicU64,
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
    #[inline]
    pub(crate) fn read(&self) -> Reader<'_, T> {
        Reader {
            guard: self.data.read(),
            lock: self,
        }
    }
    #[inline]
    pub(crate) fn write(&self) -> Writer<'_, T> {
        Writer {
            guard: self.data.write(),
        }
    }
    pub(crate) fn lookups(&self) -> (u64, u64) {
        (self.hits.load(Relaxed), self.misses.load(Relaxed))
    }
}
pub(crate) struct Reader<'a, T> {
    guard: RwLockReadGuard<'a, T>,
    lock: &'a Lock<T>,
}
impl<T> Reader<'_, T> {
    #[inline]
    pub(crate) fn hit(&mut self) {
        self.lock.hits.fetch_add(1, Relaxed);
    }
    #[inline]
    pub(crate) fn miss(&mut self) {
        self.lock.misses.fetch_add(1, Relaxed);
    }
}
impl<T> Deref for Reader<'_, T> {
    type Target = T;
    #[inline]
    fn deref(&self) -> &T {
        &self.guard
    }
}
pub(crate) struct Writer<'a, T> {
    guard: RwLockWriteGuard<'a, T>,
}
impl<T> Deref for Writer<'_, T> {
    type Target = T;
    #[inline]
    fn deref(&self) -> &T {
        &self.guard
    }
}
impl<T> DerefMut for Writer<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        &mut self.guard
    }
}
