use std::time::{Duration, SystemTime};

use byteview::ByteView;

/// The result of a getter: bytes, and optionally how long they stay fresh.
///
/// Anything that becomes a [`ByteView`] becomes a value: `Vec<u8>`, `String`, `Bytes`, `&'static
/// str`. A value without an expiry of its own has the group's [`ttl`](crate::GroupBuilder::ttl).
///
/// ```
/// use std::time::Duration;
/// use groupcache::Value;
///
/// let value = Value::from("soon stale").expires_in(Duration::from_secs(5));
/// assert_eq!(value.view(), "soon stale");
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Value {
    view: ByteView,
    expiry: Expiry,
}

/// When a value stops being fresh.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) enum Expiry {
    /// As the group says.
    #[default]
    OfGroup,
    /// This long after it was loaded.
    In(Duration),
    /// At this moment.
    At(SystemTime),
    /// Never, whatever the group says.
    Never,
}

impl Value {
    /// The bytes.
    pub fn view(&self) -> &ByteView {
        &self.view
    }

    /// The bytes, without the rest.
    pub fn into_view(self) -> ByteView {
        self.view
    }

    /// Lets the value expire this long after it was loaded. With zero, the callers that wait for the
    /// value get it, and no node keeps it. More than eight years may count as never.
    pub fn expires_in(mut self, after: Duration) -> Self {
        self.expiry = Expiry::In(after);
        self
    }

    /// Lets the value expire at this moment.
    pub fn expires_at(mut self, moment: SystemTime) -> Self {
        self.expiry = Expiry::At(moment);
        self
    }

    /// Lets the value live until it is evicted, whatever the group's time to live, also when it is
    /// [set](crate::Group::set) on a node that does not own it. Mirrors on other nodes still have the
    /// group's time to live, after which they are fetched again.
    pub fn never_expires(mut self) -> Self {
        self.expiry = Expiry::Never;
        self
    }

    /// Bytes with a given expiry.
    pub(crate) fn with_expiry(view: ByteView, expiry: Expiry) -> Self {
        Self { view, expiry }
    }

    pub(crate) fn expiry(&self) -> Expiry {
        self.expiry
    }
}

impl<T: Into<ByteView>> From<T> for Value {
    fn from(bytes: T) -> Self {
        Self {
            view: bytes.into(),
            expiry: Expiry::default(),
        }
    }
}
