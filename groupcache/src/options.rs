use std::time::Duration;

/// How one get differs from the usual: for [`Group::get_with`](crate::Group::get_with).
///
/// ```
/// use std::time::Duration;
/// use groupcache::{GetOptions, Mode};
///
/// let impatient = GetOptions::default().timeout(Duration::from_millis(20));
/// let glance = GetOptions::default().mode(Mode::Peek);
/// # let _ = (impatient, glance);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GetOptions {
    pub(crate) mode: Mode,
    pub(crate) timeout: Option<Duration>,
}

impl GetOptions {
    /// How far the get may go. Default: [`Mode::Normal`].
    pub fn mode(mut self, mode: Mode) -> Self {
        self.mode = mode;
        self
    }

    /// How long this caller waits before it gets an error that
    /// [`is_timeout`](crate::Error::is_timeout). Others who wait for the key wait on, and a load
    /// that has begun fills the cache. Default: as long as the group's limits let it take.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.timeout = Some(limit);
        self
    }
}

/// How far a get may go for its value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Mode {
    /// Wherever it takes: memory, the owner, the getter.
    #[default]
    Normal,
    /// Only where it is cached already, here or at its owner; otherwise it is not found. Nothing is
    /// loaded.
    Peek,
    /// From memory, here or at its owner, otherwise from this node's getter: no other node loads.
    NoPeerLoad,
}
