use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

/// A node's wall clock: that of the system, unless a test gives it another one.
///
/// Nothing goes by it but the moments that getters and dialects name.
#[derive(Clone, Default)]
pub struct WallClock(Option<Arc<Now>>);

type Now = dyn Fn() -> SystemTime + Send + Sync;

impl WallClock {
    /// A clock that shows what the function says, for tests. It may jump.
    pub fn of(now: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(now)))
    }

    /// The time that it shows.
    pub fn now(&self) -> SystemTime {
        match &self.0 {
            None => SystemTime::now(),
            Some(now) => now(),
        }
    }
}

impl fmt::Debug for WallClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whose = if self.0.is_some() { "given" } else { "system" };
        f.debug_tuple("WallClock").field(&whose).finish()
    }
}
