use std::any::type_name;
use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::error_kind::ErrorKind;
use super::failed_peer::FailedPeer;
use crate::GetterError;

/// Why a get returned no value, or why a node or a group could not be made.
///
/// [`kind`](Self::kind) has all cases as an enum, for a `match`; the predicates ask for one of them.
///
/// All callers that waited for the same flight share one error: clones are cheap. A failed get has
/// cached nothing and changed nothing else. A failed configuration call has changed nothing.
#[derive(Clone, Debug)]
pub struct Error(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    kind: Kind,
    source: Option<GetterError>,
}

/// The [`ErrorKind`] with what the error's text needs.
#[derive(Debug)]
pub(super) enum Kind {
    NotFound { message: String },
    Getter { message: String },
    GetterPanicked { message: String },
    Unanswered { message: String },
    NoSuchGroup { name: String },
    Overloaded { what: String },
    TimedOut { message: String },
    KeyTooLarge { message: String },
    ValueTooLarge { message: String },
    Encode { message: String },
    Decode { message: String },
    Unreachable { message: String },
    Denied { message: String },
    Unsupported,
    Abandoned,
    PeersFailed { failed: Vec<FailedPeer> },
    ObjectChanged,
    OutOfRange { message: String },
    GroupExists { name: String },
    Invalid { what: &'static str, reason: String },
    Peers { message: String },
}

impl Error {
    pub(super) fn new(kind: Kind) -> Self {
        Self(Arc::new(Inner { kind, source: None }))
    }

    pub(super) fn with_source(kind: Kind, source: impl Into<GetterError>) -> Self {
        Self(Arc::new(Inner {
            kind,
            source: Some(source.into()),
        }))
    }

    pub(super) fn inner_kind(&self) -> &Kind {
        &self.0.kind
    }

    /// The error of the callers that waited for a flight that ended without a result.
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

    pub(crate) fn key_too_large(size: usize, limit: usize) -> Self {
        let message = beyond("a key", size, limit);
        Self::new(Kind::KeyTooLarge { message })
    }

    /// `what` names the value.
    pub(crate) fn value_too_large(what: &'static str, size: usize, limit: usize) -> Self {
        let message = beyond(what, size, limit);
        Self::new(Kind::ValueTooLarge { message })
    }

    pub(crate) fn peers_failed(failed: Vec<FailedPeer>) -> Self {
        Self::new(Kind::PeersFailed { failed })
    }

    /// The version of an object that somebody reads is gone.
    pub(crate) fn object_changed() -> Self {
        Self::new(Kind::ObjectChanged)
    }

    /// A range that an object of this length does not have.
    pub(crate) fn out_of_range(range: impl fmt::Debug, len: u64) -> Self {
        let message = format!("the object of {len} bytes has no range {range:?}");
        Self::new(Kind::OutOfRange { message })
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

    /// The case that this error is.
    ///
    /// ```
    /// use groupcache::{Error, ErrorKind};
    ///
    /// fn is_worth_a_retry(error: &Error) -> bool {
    ///     matches!(error.kind(), ErrorKind::Overloaded | ErrorKind::TimedOut)
    /// }
    /// # let _ = is_worth_a_retry;
    /// ```
    pub fn kind(&self) -> ErrorKind {
        match &self.0.kind {
            Kind::NotFound { .. } => ErrorKind::NotFound,
            Kind::Getter { .. } => ErrorKind::GetterFailed,
            Kind::GetterPanicked { .. } => ErrorKind::GetterPanicked,
            Kind::Unanswered { .. } => ErrorKind::Unanswered,
            Kind::NoSuchGroup { .. } => ErrorKind::NoSuchGroup,
            Kind::Overloaded { .. } => ErrorKind::Overloaded,
            Kind::TimedOut { .. } => ErrorKind::TimedOut,
            Kind::KeyTooLarge { .. } => ErrorKind::KeyTooLarge,
            Kind::ValueTooLarge { .. } => ErrorKind::ValueTooLarge,
            Kind::Encode { .. } => ErrorKind::Encode,
            Kind::Decode { .. } => ErrorKind::Decode,
            Kind::Unreachable { .. } => ErrorKind::Unreachable,
            Kind::Denied { .. } => ErrorKind::Denied,
            Kind::PeersFailed { failed } if all_unsupported(failed) => ErrorKind::Unsupported,
            Kind::PeersFailed { .. } => ErrorKind::PeersFailed,
            Kind::Unsupported => ErrorKind::Unsupported,
            Kind::Abandoned => ErrorKind::Abandoned,
            Kind::ObjectChanged => ErrorKind::ObjectChanged,
            Kind::OutOfRange { .. } => ErrorKind::OutOfRange,
            Kind::GroupExists { .. } => ErrorKind::GroupExists,
            Kind::Invalid { .. } | Kind::Peers { .. } => ErrorKind::Configuration,
        }
    }

    /// Whether there is no value under the key.
    pub fn is_not_found(&self) -> bool {
        self.kind() == ErrorKind::NotFound
    }

    /// Whether the getter failed or panicked, or a bulk load left the key out, on this node or on the key's
    /// owner.
    pub fn is_getter(&self) -> bool {
        matches!(
            self.kind(),
            ErrorKind::GetterFailed | ErrorKind::GetterPanicked | ErrorKind::Unanswered
        )
    }

    /// Whether a [bulk load](crate::Getter::get_many) on this node returned without an outcome for the key.
    pub fn is_unanswered(&self) -> bool {
        self.kind() == ErrorKind::Unanswered
    }

    /// Whether the getter panicked on this node.
    pub fn is_getter_panic(&self) -> bool {
        self.kind() == ErrorKind::GetterPanicked
    }

    /// Whether the node has no group of that name.
    pub fn is_no_such_group(&self) -> bool {
        self.kind() == ErrorKind::NoSuchGroup
    }

    /// Whether a limit on concurrent work was reached, here or at the key's owner.
    pub fn is_overloaded(&self) -> bool {
        self.kind() == ErrorKind::Overloaded
    }

    /// Whether a time limit passed.
    pub fn is_timeout(&self) -> bool {
        self.kind() == ErrorKind::TimedOut
    }

    /// Whether a key or a value is beyond its limit.
    pub fn is_too_large(&self) -> bool {
        let kind = self.kind();
        matches!(kind, ErrorKind::KeyTooLarge | ErrorKind::ValueTooLarge)
    }

    /// Whether a value that was to be set in a [typed group](crate::TypedGroup) has no encoding. (A
    /// value without an encoding that the getter returned makes the getter fail.)
    pub fn is_encode(&self) -> bool {
        self.kind() == ErrorKind::Encode
    }

    /// Whether the codec of a [typed group](crate::TypedGroup) cannot decode the bytes that its own
    /// getter has just loaded. Other bytes that it cannot decode are a miss.
    pub fn is_decode(&self) -> bool {
        self.kind() == ErrorKind::Decode
    }

    /// Whether a peer that had to answer could not be reached.
    pub fn is_unreachable(&self) -> bool {
        self.kind() == ErrorKind::Unreachable
    }

    /// Whether a peer that had to answer refuses this node, for want of credentials that it accepts.
    pub fn is_denied(&self) -> bool {
        self.kind() == ErrorKind::Denied
    }

    /// Whether the work was given up because the node's runtime shut down.
    pub fn is_abandoned(&self) -> bool {
        self.kind() == ErrorKind::Abandoned
    }

    /// The peers that a removal, a set or a clear did not reach. All other nodes, this one included,
    /// have made the change. Empty for every other error.
    pub fn failed_peers(&self) -> &[FailedPeer] {
        match &self.0.kind {
            Kind::PeersFailed { failed } => failed,
            _ => &[],
        }
    }

    /// Whether the protocol has no message for the operation. A removal, a set or a clear is then
    /// made on this node alone.
    pub fn is_unsupported(&self) -> bool {
        self.kind() == ErrorKind::Unsupported
    }

    /// Whether an [object](crate::Objects) has changed while it was read, so that there is no more of the version that was
    /// begun. A read that begins anew gets the new version.
    pub fn is_changed(&self) -> bool {
        self.kind() == ErrorKind::ObjectChanged
    }

    /// Whether a range begins behind the end of its [object](crate::Objects), or behind its own.
    pub fn is_out_of_range(&self) -> bool {
        self.kind() == ErrorKind::OutOfRange
    }

    /// Whether the node already has a group of that name.
    pub fn is_group_exists(&self) -> bool {
        self.kind() == ErrorKind::GroupExists
    }

    /// Whether the configuration is at fault: a name, a URL, a budget, an option, an address.
    pub fn is_configuration(&self) -> bool {
        let kind = self.kind();
        matches!(kind, ErrorKind::GroupExists | ErrorKind::Configuration)
    }

    /// The message of the getter's own error, also when the getter failed on another node.
    pub fn getter_message(&self) -> Option<&str> {
        match &self.0.kind {
            Kind::NotFound { message }
            | Kind::Getter { message }
            | Kind::GetterPanicked { message }
            | Kind::Unanswered { message } => Some(message),
            _ => None,
        }
    }
}

fn beyond(what: &str, size: usize, limit: usize) -> String {
    format!("{what} of {size} bytes is larger than the limit of {limit} bytes")
}

fn all_unsupported(failed: &[FailedPeer]) -> bool {
    failed.iter().all(|peer| peer.error().is_unsupported())
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.kind {
            Kind::NotFound { message } if message.is_empty() || message == "not found" => {
                f.write_str("not found")
            }
            Kind::NotFound { message } => write!(f, "not found: {message}"),
            Kind::Getter { message } | Kind::Unanswered { message } => {
                write!(f, "getter failed: {message}")
            }
            Kind::GetterPanicked { message } => write!(f, "getter panicked: {message}"),
            Kind::NoSuchGroup { name } => write!(f, "no such group: {name:?}"),
            Kind::Overloaded { what } => write!(f, "overloaded: {what}"),
            Kind::TimedOut { message }
            | Kind::KeyTooLarge { message }
            | Kind::ValueTooLarge { message }
            | Kind::Encode { message }
            | Kind::Decode { message }
            | Kind::OutOfRange { message }
            | Kind::Unreachable { message }
            | Kind::Denied { message }
            | Kind::Peers { message } => f.write_str(message),
            Kind::Unsupported => f.write_str("the protocol has no way to ask a peer this"),
            Kind::PeersFailed { failed } => {
                f.write_str("the change did not reach every peer:")?;
                for peer in failed {
                    write!(f, " {} ({})", peer.member(), peer.error())?;
                }
                Ok(())
            }
            Kind::ObjectChanged => f.write_str("the object has changed while it was read"),
            Kind::Abandoned => f.write_str("the work was given up: the node's runtime shut down"),
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
    fn changes_that_no_peer_has_a_message_for_are_unsupported() {
        let member: peers::Member = "http://10.0.0.1:1".parse().unwrap();
        let failed = |errors: Vec<peers::Error>| {
            let failed = errors.into_iter();
            Error::peers_failed(
                failed
                    .map(|error| FailedPeer::new(member.clone(), error))
                    .collect(),
            )
        };
        let unsupported = || peers::Error::unsupported("remove keys", "golang");
        assert!(failed(vec![unsupported()]).is_unsupported());
        let mixed = failed(vec![unsupported(), peers::Error::overloaded("requests")]);
        assert_eq!(mixed.kind(), ErrorKind::PeersFailed);
        assert_eq!(mixed.failed_peers().len(), 2);
    }
}
