use std::time::Duration;

/// The settings of one get, for [`Group::get_with_options`](crate::Group::get_with_options).
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
    /// Where the get may look. Default: [`Mode::Normal`].
    pub fn mode(mut self, mode: Mode) -> Self {
        self.mode = mode;
        self
    }

    /// How long this caller waits before it gets an error that
    /// [`is_timeout`](crate::Error::is_timeout). Other callers wait on, and a load that has begun
    /// fills the cache. Default: as long as the group's own limits allow.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.timeout = Some(limit);
        self
    }
}

/// Where a get may look for its value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Mode {
    /// Everywhere: in memory, at the owner, from the getter.
    #[default]
    Normal,
    /// Only where the value is cached already, on this node or on the key's owner. Otherwise it is not
    /// found. No node calls its getter.
    Peek,
    /// Where the value is cached already, and otherwise from this node's getter. No other node calls
    /// its getter.
    NoPeerLoad,
}
