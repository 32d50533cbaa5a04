use std::any::Any;
use std::fmt;
use std::sync::Arc;

use crate::discard::discard;

/// Why a flight ended without a value.
///
/// Every caller of the flight receives the same error. The key is always free again: the next call
/// with that key starts a new flight.
#[derive(Clone, Debug)]
pub struct Error {
    kind: Kind,
}

#[derive(Clone, Debug)]
enum Kind {
    /// With the panic's payload, if the payload was text.
    Panicked(Option<Arc<str>>),
    Abandoned,
}

impl Error {
    /// The work panicked while its future was created, polled, or dropped after its end.
    pub fn is_panic(&self) -> bool {
        matches!(self.kind, Kind::Panicked(_))
    }

    /// The [`Driver`](crate::Driver) of a detached flight was dropped before the work had ended, for instance because
    /// its runtime is shutting down.
    pub fn is_abandoned(&self) -> bool {
        matches!(self.kind, Kind::Abandoned)
    }

    /// The message of the work's panic. `None` if the work did not panic, or if the payload was not
    /// text.
    pub fn panic_message(&self) -> Option<&str> {
        match &self.kind {
            Kind::Panicked(message) => message.as_deref(),
            Kind::Abandoned => None,
        }
    }

    pub(crate) fn panicked(payload: Box<dyn Any + Send>) -> Self {
        let message = match payload.downcast_ref::<&str>() {
            Some(text) => Some(Arc::from(*text)),
            None => payload
                .downcast_ref::<String>()
                .map(|text| Arc::from(text.as_str())),
        };
        discard(payload);
        Self {
            kind: Kind::Panicked(message),
        }
    }

    pub(crate) fn abandoned() -> Self {
        Self {
            kind: Kind::Abandoned,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Panicked(Some(message)) => write!(f, "the shared work panicked: {message}"),
            Kind::Panicked(None) => f.write_str("the shared work panicked"),
            Kind::Abandoned => f.write_str("the shared work was dropped before it had ended"),
        }
    }
}

impl std::error::Error for Error {}
