//! The primitives that the lock is built from, and their counterparts under loom.
//!
//! `RUSTFLAGS="--cfg groupcache_loom"` swaps in loom's types. At every access to these, the model checker
//! may switch threads. Loom's cell reports accesses that conflict.

#[cfg(not(groupcache_loom))]
pub(super) use self::real::*;

#[cfg(groupcache_loom)]
pub(super) use self::model::*;

#[cfg(not(groupcache_loom))]
mod real {
    use std::sync::atomic::Ordering::SeqCst;
    pub(crate) use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize};

    pub(crate) use parking_lot::{RwLock, RwLockReadGuard, RwLockWriteGuard};

    /// Stores a value. No sequentially consistent load that follows is executed before the store.
    #[inline]
    pub(crate) fn announce(to: &AtomicUsize, value: usize) {
        if cfg!(any(target_arch = "x86", target_arch = "x86_64")) {
            // On x86 an exchange is a full barrier, and cheaper than a store with its barrier.
            to.swap(value, SeqCst);
        } else {
            to.store(value, SeqCst);
        }
    }

    /// Pauses in a loop that waits for another thread: spins at first, then yields, because the other
    /// thread may have been preempted.
    pub(crate) fn pause(turn: u32) {
        if turn < 64 {
            std::hint::spin_loop();
        } else {
            std::thread::yield_now();
        }
    }

    /// The cell of the standard library, with the pointer types of loom's cell.
    #[derive(Debug)]
    pub(crate) struct UnsafeCell<T>(std::cell::UnsafeCell<T>);

    impl<T> UnsafeCell<T> {
        pub(crate) const fn new(data: T) -> Self {
            Self(std::cell::UnsafeCell::new(data))
        }

        #[inline]
        pub(crate) fn get(&self) -> ConstPtr<T> {
            ConstPtr(self.0.get())
        }

        #[inline]
        pub(crate) fn get_mut(&self) -> MutPtr<T> {
            MutPtr(self.0.get())
        }
    }

    #[derive(Debug)]
    pub(crate) struct ConstPtr<T>(*const T);

    impl<T> ConstPtr<T> {
        /// # Safety
        ///
        /// While the reference lives, the cell lives and nothing else has mutable access to its data.
        #[inline]
        pub(crate) unsafe fn deref(&self) -> &T {
            // SAFETY: the pointer is that of a cell, so it is valid and aligned as long as the cell
            // lives. The caller promises that the cell lives, and that no other code has mutable access.
            unsafe { &*self.0 }
        }
    }

    #[derive(Debug)]
    pub(crate) struct MutPtr<T>(*mut T);

    impl<T> MutPtr<T> {
        /// # Safety
        ///
        /// While the reference lives, the cell lives and nothing else has access to its data.
        #[inline]
        #[allow(clippy::mut_from_ref, reason = "the signature is loom's")]
        pub(crate) unsafe fn deref(&self) -> &mut T {
            // SAFETY: as in `ConstPtr::deref`; here the caller promises that no other code has access.
            unsafe { &mut *self.0 }
        }
    }
}

#[cfg(groupcache_loom)]
mod model {
    use std::sync::PoisonError;
    use std::sync::atomic::Ordering::{Release, SeqCst};

    pub(crate) use loom::cell::{ConstPtr, MutPtr, UnsafeCell};
    pub(crate) use loom::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize};
    pub(crate) use loom::sync::{RwLockReadGuard, RwLockWriteGuard};

    /// Loom treats sequentially consistent accesses as weaker ones, but models the fence.
    pub(crate) fn announce(to: &AtomicUsize, value: usize) {
        to.store(value, Release);
        loom::sync::atomic::fence(SeqCst);
    }

    pub(crate) fn pause(_turn: u32) {
        loom::thread::yield_now();
    }

    /// Loom's lock with the signatures of `parking_lot`'s.
    #[derive(Debug)]
    pub(crate) struct RwLock<T>(loom::sync::RwLock<T>);

    impl<T> RwLock<T> {
        pub(crate) fn new(data: T) -> Self {
            Self(loom::sync::RwLock::new(data))
        }

        pub(crate) fn read(&self) -> RwLockReadGuard<'_, T> {
            self.0.read().unwrap_or_else(PoisonError::into_inner)
        }

        pub(crate) fn write(&self) -> RwLockWriteGuard<'_, T> {
            self.0.write().unwrap_or_else(PoisonError::into_inner)
        }
    }
}
