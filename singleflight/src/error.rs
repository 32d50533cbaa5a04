use std::any::Any;
use std::fmt;
use std::sync::Arc;

use crate::discard::discard;

/// Why a flight ended without a value.
///
/// Every caller of the flight receives the same error, and in all cases the key is free again: the next call with it
/// starts a flight of its own.
#[derive(Clone, Debug)]
pub struct Error {
    kind: Kind,
}

#[derive(Clone, Debug)]
enum Kind {
    /// With the payload, if that was text.
    Panicked(Option<Arc<str>>),
    Abandoned,
}

impl Error {
    /// The work panicked, when its future was created, polled or dropped.
    pub fn is_panic(&self) -> bool {
        matches!(self.kind, Kind::Panicked(_))
    }

    /// The [`Driver`](crate::Driver) of a detached flight was dropped before the work had ended, for instance because
    /// the runtime it was spawned on is shutting down.
    pub fn is_abandoned(&self) -> bool {
        matches!(self.kind, Kind::Abandoned)
    }

    /// What the work said when it panicked; `None` if it did not panic, or did so with something else than text.
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
