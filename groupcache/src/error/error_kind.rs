use std::fmt;

/// What an [`Error`](crate::Error) is; from [`Error::kind`](crate::Error::kind).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// There is no value under the key.
    NotFound,
    /// The getter failed, on this node or on the key's owner.
    GetterFailed,
    /// The getter panicked on this node.
    GetterPanicked,
    /// A bulk load on this node returned without an outcome for the key.
    Unanswered,
    /// The node has no group of that name.
    NoSuchGroup,
    /// A limit on concurrent work was reached, here or at the key's owner.
    Overloaded,
    /// A time limit passed.
    TimedOut,
    /// A key is beyond its limit.
    KeyTooLarge,
    /// A value is beyond its limit.
    ValueTooLarge,
    /// A value that was to be set has no encoding.
    Encode,
    /// The codec cannot decode the bytes that its own getter has just loaded.
    Decode,
    /// A peer that had to answer could not be reached.
    Unreachable,
    /// A peer that had to answer refuses this node, for want of credentials that it accepts.
    Denied,
    /// A change did not reach all peers; [`failed_peers`](crate::Error::failed_peers) names them.
    PeersFailed,
    /// The protocol has no message for the operation.
    Unsupported,
    /// An object has changed while it was read.
    ObjectChanged,
    /// A range is not one of its object.
    OutOfRange,
    /// The work was given up because the node's runtime shut down.
    Abandoned,
    /// The node already has a group of that name.
    GroupExists,
    /// The configuration is at fault.
    Configuration,
}

impl ErrorKind {
    /// The status of an HTTP response in place of what was asked for.
    #[cfg(any(feature = "axum", feature = "objects-http"))]
    pub(crate) fn status(self) -> http::StatusCode {
        use http::StatusCode;

        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::KeyTooLarge => StatusCode::URI_TOO_LONG,
            Self::ValueTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::OutOfRange => StatusCode::RANGE_NOT_SATISFIABLE,
            Self::Unsupported => StatusCode::NOT_IMPLEMENTED,
            Self::Overloaded | Self::ObjectChanged => StatusCode::SERVICE_UNAVAILABLE,
            Self::TimedOut => StatusCode::GATEWAY_TIMEOUT,
            _ => StatusCode::BAD_GATEWAY,
        }
    }

    /// The kind in a few words, without the details that the [`Error`](crate::Error) itself has.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotFound => "not found",
            Self::GetterFailed => "getter failed",
            Self::GetterPanicked => "getter panicked",
            Self::Unanswered => "key left out by a bulk load",
            Self::NoSuchGroup => "no such group",
            Self::Overloaded => "overloaded",
            Self::TimedOut => "timed out",
            Self::KeyTooLarge => "key too large",
            Self::ValueTooLarge => "value too large",
            Self::Encode => "value does not encode",
            Self::Decode => "value does not decode",
            Self::Unreachable => "peer unreachable",
            Self::Denied => "refused by a peer",
            Self::PeersFailed => "change did not reach all peers",
            Self::Unsupported => "not supported by the protocol",
            Self::ObjectChanged => "object changed while it was read",
            Self::OutOfRange => "range not in the object",
            Self::Abandoned => "given up",
            Self::GroupExists => "group exists already",
            Self::Configuration => "wrong configuration",
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
