use std::fmt;
use std::net::SocketAddr;

use http::Extensions;

use crate::http::Validity;
use crate::http::client::Io;

/// A connection that a [`Listener`](crate::Listener) has accepted, with what it knows of the other
/// end.
pub struct Accepted {
    pub(super) io: Box<dyn Io>,
    /// Put into every request, if somebody looks at them.
    pub(super) known: Extensions,
    /// For how long the other end is known to be who it says.
    pub(super) validity: Validity,
}

/// Where a connection comes from: in the extensions of the requests that
/// [`HttpOptions::on_request`](crate::HttpOptions::on_request) sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RemoteAddr(pub SocketAddr);

impl Accepted {
    /// A connection of which nothing is known.
    pub fn new(io: impl Io) -> Self {
        Self {
            io: Box::new(io),
            known: Extensions::new(),
            validity: Validity::default(),
        }
    }

    /// Adds something to the extensions of all requests on this connection, such as its
    /// [`RemoteAddr`] or the other end's certificate.
    pub fn with<T: Clone + Send + Sync + 'static>(mut self, known: T) -> Self {
        self.known.insert(known);
        self
    }

    /// Something that is known of the connection.
    pub fn known<T: Clone + Send + Sync + 'static>(&self) -> Option<&T> {
        self.known.get()
    }

    /// The connection, and what is known of it.
    #[cfg(feature = "tls")]
    pub(crate) fn into_parts(self) -> (Box<dyn Io>, Extensions) {
        (self.io, self.known)
    }

    /// A connection of which this is known.
    #[cfg(feature = "tls")]
    pub(crate) fn from_parts(io: Box<dyn Io>, known: Extensions) -> Self {
        Self {
            io,
            known,
            validity: Validity::default(),
        }
    }

    #[cfg(feature = "tls")]
    pub(crate) fn valid(self, validity: Validity) -> Self {
        Self { validity, ..self }
    }

    /// The connection, without the rest.
    pub fn into_io(self) -> Box<dyn Io> {
        self.io
    }
}

impl fmt::Debug for Accepted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Accepted")
            .field("known", &self.known)
            .finish_non_exhaustive()
    }
}
