use std::fmt;

use super::io::Io;
use crate::http::Validity;

/// A connection that a [`Connector`](crate::Connector) has made.
pub struct Connected {
    pub(crate) io: Box<dyn Io>,
    /// For how long the other end is known to be the one that is meant.
    pub(crate) validity: Validity,
}

impl Connected {
    /// A connection that may be used as long as it lasts.
    pub fn new(io: Box<dyn Io>) -> Self {
        Self {
            io,
            validity: Validity::default(),
        }
    }

    /// The connection itself. Nothing says then for how long it may be used.
    pub fn into_io(self) -> Box<dyn Io> {
        self.io
    }

    #[cfg(feature = "tls")]
    pub(crate) fn valid(io: Box<dyn Io>, validity: Validity) -> Self {
        Self { io, validity }
    }
}

impl fmt::Debug for Connected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connected").finish_non_exhaustive()
    }
}
