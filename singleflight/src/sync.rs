//! The mutex, the only primitive that synchronises this crate, and its replacement under loom.
//!
//! `RUSTFLAGS="--cfg groupcache_loom"` selects loom's mutex, and the model checker may switch
//! threads at every acquisition of that mutex. All reference counts are those of `std::sync::Arc`
//! under loom too, because [`std::task::Wake`] requires that type.

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
