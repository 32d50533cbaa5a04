//! The one primitive that synchronises this crate, and its double under loom.
//!
//! `RUSTFLAGS="--cfg groupcache_loom"` swaps in loom's mutex, whose every acquisition is a point at which the model
//! checker may switch threads. Everything else is reference counting, for which `std::sync::Arc` is used throughout:
//! [`std::task::Wake`] asks for it.

#[cfg(not(groupcache_loom))]
pub(crate) use parking_lot::Mutex;

#[cfg(groupcache_loom)]
pub(crate) use self::model::Mutex;

#[cfg(groupcache_loom)]
mod model {
    use std::sync::PoisonError;

    use loom::sync::MutexGuard;

    /// Loom's mutex with the signatures of `parking_lot`'s.
    #[derive(Debug)]
    pub(crate) struct Mutex<T>(loom::sync::Mutex<T>);

    impl<T> Mutex<T> {
        pub(crate) fn new(value: T) -> Self {
            Self(loom::sync::Mutex::new(value))
        }

        pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner)
        }

        pub(crate) fn into_inner(self) -> T {
            self.0.into_inner().unwrap_or_else(PoisonError::into_inner)
        }
    }
}
