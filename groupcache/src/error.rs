use std::any::type_name;
use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use peers::Member;

use crate::{GetterError, NotFound};

/// Why a get gave no value, or why a node or a group could not be made.
///
/// An error is shared by all who waited for the same flight: clones are cheap. After a failed get
/// nothing is cached and nothing else has changed; after a failed configuration call everything is
/// as it was.
#[derive(Clone, Debug)]
pub struct Error(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    kind: Kind,
    source: Option<GetterError>,
}

#[derive(Debug)]
enum Kind {
    NotFound { message: String },
    Getter { message: String },
    GetterPanicked { message: String },
    NoSuchGroup { name: String },
    Overloaded { what: String },
    TimedOut { message: String },
    TooLarge { message: String },
    Encode { message: String },
    Decode { message: String },
    Unreachable { message: String },
    Unsupported,
    Abandoned,
    PeersFailed { failed: Vec<FailedPeer> },
    GroupExists { name: String },
    Invalid { what: &'static str, reason: String },
    Peers { message: String },
}

/// A peer that could not be told of a removal, a set or a clear, and why.
#[derive(Debug)]
pub struct FailedPeer {
    member: Member,
    error: peers::Error,
}

impl FailedPeer {
    pub(crate) fn new(member: Member, error: peers::Error) -> Self {
        Self { member, error }
    }

    /// The peer.
    pub fn member(&self) -> &Member {
        &self.member
    }

    /// Why it was not told, or what it answered.
    pub fn error(&self) -> &peers::Error {
        &self.error
    }
}

impl Error {
    fn new(kind: Kind) -> Self {
        Self(Arc::new(Inner { kind, source: None }))
    }

    fn with_source(kind: Kind, source: impl Into<GetterError>) -> Self {
        Self(Arc::new(Inner {
            kind,
            source: Some(source.into()),
        }))
    }

    /// What a getter's own error means to the callers. A getter that asks another group may pass
    /// on that group's "not found".
    pub(crate) fn from_getter(error: GetterError) -> Self {
        let not_found = says_not_found(&*error);
        let message = error.to_string();
        match not_found {
            true => Self::with_source(Kind::NotFound { message }, error),
            false => Self::with_source(Kind::Getter { message }, error),
        }
    }

    /// What is said to those who waited for a flight that ended without a result.
    pub(crate) fn from_flight(error: &singleflight::Error) -> Self {
        match error.panic_message() {
            Some(message) => Self::getter_panicked(message),
            None => Self::new(Kind::Abandoned),
        }
    }

    /// The getter panicked with this message.
    pub(crate) fn getter_panicked(message: impl Into<String>) -> Self {
        Self::new(Kind::GetterPanicked {
            message: message.into(),
        })
    }

    pub(crate) fn no_such_group(name: impl Into<String>) -> Self {
        Self::new(Kind::NoSuchGroup { name: name.into() })
    }

    pub(crate) fn group_exists(name: impl Into<String>) -> Self {
        Self::new(Kind::GroupExists { name: name.into() })
    }

    pub(crate) fn overloaded(what: impl Into<String>) -> Self {
        Self::new(Kind::Overloaded { what: what.into() })
    }

    pub(crate) fn timed_out(what: &'static str, limit: Duration) -> Self {
        Self::new(Kind::TimedOut {
            message: format!("{what} took longer than {limit:?}"),
        })
    }

    pub(crate) fn too_large(what: &'static str, size: u64, limit: u64) -> Self {
        let message = format!("{what} of {size} bytes is larger than the limit of {limit} bytes");
        Self::new(Kind::TooLarge { message })
    }

    pub(crate) fn peers_failed(failed: Vec<FailedPeer>) -> Self {
        Self::new(Kind::PeersFailed { failed })
    }

    pub(crate) fn abandoned() -> Self {
        Self::new(Kind::Abandoned)
    }

    /// A `T` that the codec `C` has no bytes for.
    pub(crate) fn encode<T, C>(reason: impl Into<GetterError>) -> Self {
        let (value, codec, reason) = (type_name::<T>(), type_name::<C>(), reason.into());
        let message = format!("a value of type {value} does not encode with {codec}: {reason}");
        Self::with_source(Kind::Encode { message }, reason)
    }

    /// Bytes that the codec `C` makes no `T` of.
    pub(crate) fn decode<T, C>(reason: impl Into<GetterError>) -> Self {
        let (value, codec, reason) = (type_name::<T>(), type_name::<C>(), reason.into());
        let message = format!("the bytes do not decode as {value} with {codec}: {reason}");
        Self::with_source(Kind::Decode { message }, reason)
    }

    pub(crate) fn invalid(what: &'static str, reason: impl Into<String>) -> Self {
        Self::new(Kind::Invalid {
            what,
            reason: reason.into(),
        })
    }

    /// Whether there is no value under the key.
    pub fn is_not_found(&self) -> bool {
        matches!(self.0.kind, Kind::NotFound { .. })
    }

    /// Whether the getter failed or panicked, on this node or on the key's owner.
    pub fn is_getter(&self) -> bool {
        matches!(
            self.0.kind,
            Kind::Getter { .. } | Kind::GetterPanicked { .. }
        )
    }

    /// Whether the getter panicked on this node.
    pub fn is_getter_panic(&self) -> bool {
        matches!(self.0.kind, Kind::GetterPanicked { .. })
    }

    /// Whether the node has no group of that name.
    pub fn is_no_such_group(&self) -> bool {
        matches!(self.0.kind, Kind::NoSuchGroup { .. })
    }

    /// Whether a limit on concurrent work was reached, here or at the key's owner.
    pub fn is_overloaded(&self) -> bool {
        matches!(self.0.kind, Kind::Overloaded { .. })
    }

    /// Whether a time limit passed.
    pub fn is_timeout(&self) -> bool {
        matches!(self.0.kind, Kind::TimedOut { .. })
    }

    /// Whether a key or a value is beyond its limit.
    pub fn is_too_large(&self) -> bool {
        matches!(self.0.kind, Kind::TooLarge { .. })
    }

    /// Whether the value that a [typed group](crate::TypedGroup) was to set has no encoding. (One
    /// that its getter returned makes the getter fail.)
    pub fn is_encode(&self) -> bool {
        matches!(self.0.kind, Kind::Encode { .. })
    }

    /// Whether the bytes under the key, a peer's or this node's, are not those of a value of the
    /// [typed group](crate::TypedGroup).
    pub fn is_decode(&self) -> bool {
        matches!(self.0.kind, Kind::Decode { .. })
    }

    /// Whether a peer that had to answer could not be reached.
    pub fn is_unreachable(&self) -> bool {
        matches!(self.0.kind, Kind::Unreachable { .. })
    }

    /// Whether the work was given up because the runtime that drove it shut down.
    pub fn is_abandoned(&self) -> bool {
        matches!(self.0.kind, Kind::Abandoned)
    }

    /// The peers that were not reached by a removal, a set or a clear; all others, this node
    /// included, have done as they were told. Empty for every other error.
    pub fn failed_peers(&self) -> &[FailedPeer] {
        match &self.0.kind {
            Kind::PeersFailed { failed } => failed,
            _ => &[],
        }
    }

    /// Whether the protocol has no way to ask or tell a peer this.
    pub fn is_unsupported(&self) -> bool {
        match &self.0.kind {
            Kind::PeersFailed { failed } => failed.iter().all(|peer| peer.error.is_unsupported()),
            Kind::Unsupported => true,
            _ => false,
        }
    }

    /// Whether the node has a group of that name already.
    pub fn is_group_exists(&self) -> bool {
        matches!(self.0.kind, Kind::GroupExists { .. })
    }

    /// Whether the configuration is at fault: a name, a URL, a budget, an option, an address.
    pub fn is_configuration(&self) -> bool {
        matches!(
            self.0.kind,
            Kind::GroupExists { .. } | Kind::Invalid { .. } | Kind::Peers { .. }
        )
    }

    /// The getter's own words, also when it failed on another node.
    pub fn getter_message(&self) -> Option<&str> {
        match &self.0.kind {
            Kind::NotFound { message }
            | Kind::Getter { message }
            | Kind::GetterPanicked { message } => Some(message),
            _ => None,
        }
    }

    /// What a peer is told in place of this error.
    pub(crate) fn to_answer(&self) -> peers::Error {
        match &self.0.kind {
            Kind::NotFound { message } => peers::Error::not_found(message),
            Kind::Getter { message } => peers::Error::getter(message),
            Kind::Overloaded { what } => peers::Error::overloaded(what),
            Kind::TooLarge { message } => peers::Error::too_large_for_peer(message),
            Kind::NoSuchGroup { name } => peers::Error::no_such_group(name),
            Kind::TimedOut { message } => peers::Error::peer_timed_out(message),
            _ => peers::Error::getter(self.to_string()),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.kind {
            Kind::NotFound { message } if message.is_empty() || message == "not found" => {
                f.write_str("not found")
            }
            Kind::NotFound { message } => write!(f, "not found: {message}"),
            Kind::Getter { message } => write!(f, "getter failed: {message}"),
            Kind::GetterPanicked { message } => write!(f, "getter panicked: {message}"),
            Kind::NoSuchGroup { name } => write!(f, "no such group: {name:?}"),
            Kind::Overloaded { what } => write!(f, "overloaded: {what}"),
            Kind::TimedOut { message }
            | Kind::TooLarge { message }
            | Kind::Encode { message }
            | Kind::Decode { message }
            | Kind::Unreachable { message }
            | Kind::Peers { message } => f.write_str(message),
            Kind::Unsupported => f.write_str("the protocol has no way to ask a peer this"),
            Kind::PeersFailed { failed } => {
                write!(f, "{} peers did not do as they were told:", failed.len())?;
                for FailedPeer { member, error } in failed {
                    write!(f, " {member} ({error})")?;
                }
                Ok(())
            }
            Kind::Abandoned => f.write_str("the load was given up: its runtime shut down"),
            Kind::GroupExists { name } => write!(f, "the node has a group {name:?} already"),
            Kind::Invalid { what, reason } => write!(f, "invalid {what}: {reason}"),
        }
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

/// A peer's answer, or why the peers could not be set up.
impl From<peers::Error> for Error {
    fn from(error: peers::Error) -> Self {
        let message = || error.answer_message().unwrap_or_default().to_owned();
        let kind = if error.is_not_found() {
            // On the wire, nothing stands for the usual words.
            let message = match message() {
                message if message.is_empty() => NotFound.to_string(),
                message => message,
            };
            Kind::NotFound { message }
        } else if error.is_getter() {
            Kind::Getter { message: message() }
        } else if error.is_overloaded() {
            Kind::Overloaded {
                what: error.to_string(),
            }
        } else if error.is_too_large() {
            Kind::TooLarge {
                message: error.to_string(),
            }
        } else if error.is_timeout() && error.is_answer() {
            Kind::TimedOut {
                message: error.to_string(),
            }
        } else if error.is_unsupported() {
            Kind::Unsupported
        } else if error.is_configuration() {
            Kind::Peers {
                message: with_cause(&error),
            }
        } else {
            Kind::Unreachable {
                message: with_cause(&error),
            }
        };
        Self::with_source(kind, error)
    }
}

/// The peers' errors are not this crate's, so their text has to stand in for them, and its cause
/// with it.
fn with_cause(error: &peers::Error) -> String {
    match StdError::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

/// Whether this error, or what it comes from, says "not found".
fn says_not_found(error: &(dyn StdError + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        let of_group = || {
            error
                .downcast_ref::<Error>()
                .is_some_and(Error::is_not_found)
        };
        if error.is::<NotFound>() || of_group() {
            return true;
        }
        next = error.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_one_word_wide_and_crosses_threads() {
        fn portable<T: Clone + Send + Sync + 'static>() {}
        portable::<Error>();
        assert_eq!(size_of::<Error>(), size_of::<usize>());
    }

    #[test]
    fn a_getters_not_found_is_told_from_its_failure() {
        assert!(Error::from_getter(NotFound.into()).is_not_found());
        let failure = Error::from_getter("no disk".into());
        assert!(failure.is_getter());
        assert_eq!(failure.getter_message(), Some("no disk"));
        assert_eq!(failure.to_string(), "getter failed: no disk");
    }

    #[test]
    fn a_getter_passes_another_groups_not_found_on() {
        let inner = Error::from_getter(NotFound.into());
        assert!(Error::from_getter(inner.into()).is_not_found());
    }

    #[test]
    fn an_answer_keeps_its_meaning_across_the_wire() {
        for error in [
            Error::from_getter(NotFound.into()),
            Error::from_getter("no disk".into()),
            Error::overloaded("loads"),
            Error::too_large("a value", 2, 1),
            Error::timed_out("the getter", Duration::from_secs(1)),
        ] {
            let back = Error::from(error.to_answer());
            assert_eq!(back.getter_message(), error.getter_message());
            assert_eq!(
                std::mem::discriminant(&back.0.kind),
                std::mem::discriminant(&error.0.kind),
                "{error}"
            );
        }
    }
}
