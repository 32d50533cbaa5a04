use std::borrow::Cow;
use std::convert::Infallible;
use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

type BoxError = Box<dyn StdError + Send + Sync>;

/// Why a member was refused, a peer gave no value, or a server did not start.
///
/// Three families: *configuration* errors name the offending text and leave everything as it was;
/// *answers* ([`is_answer`](Self::is_answer)) are what a peer had to say and are final for the
/// caller; all others mean that the peer gave no answer, and somebody else may be asked.
#[derive(Debug)]
pub struct Error(Box<Inner>);

#[derive(Debug)]
struct Inner {
    kind: Kind,
    source: Option<BoxError>,
}

#[derive(Debug)]
enum Kind {
    InvalidMember {
        member: String,
        reason: &'static str,
    },
    DuplicateMember {
        id: String,
    },
    UnknownProtocol {
        name: String,
        known: String,
    },
    InvalidOption {
        option: &'static str,
        reason: String,
    },
    Ring,
    Bind {
        address: String,
    },

    NotFound {
        message: String,
    },
    Getter {
        message: String,
    },
    Overloaded {
        what: String,
    },
    NoFreeConnection {
        url: String,
        waited: Duration,
    },
    Busy {
        url: String,
    },
    TooLarge {
        message: String,
    },
    PeerTimedOut {
        message: String,
    },

    NoSuchGroup {
        group: String,
    },
    Unsupported {
        message: String,
    },
    Unreachable {
        url: String,
    },
    OutOfResources {
        url: String,
    },
    Disconnected {
        url: String,
    },
    TimedOut {
        what: &'static str,
        limit: Duration,
    },
    CircuitOpen {
        url: String,
        retry_in: Duration,
    },
    Malformed {
        what: String,
    },
    Expired,
    Status {
        status: u16,
        text: String,
    },
    #[cfg(feature = "grpc")]
    GrpcStatus {
        code: i32,
        text: String,
    },
}

impl Error {
    fn new(kind: Kind) -> Self {
        Self(Box::new(Inner { kind, source: None }))
    }

    fn with_source(mut self, source: impl Into<BoxError>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    pub(crate) fn invalid_member(member: impl Into<String>, reason: &'static str) -> Self {
        Self::new(Kind::InvalidMember {
            member: member.into(),
            reason,
        })
    }

    pub(crate) fn duplicate_member(id: impl Into<String>) -> Self {
        Self::new(Kind::DuplicateMember { id: id.into() })
    }

    /// `known` lists the names that there are.
    pub(crate) fn unknown_protocol(name: impl Into<String>, known: impl Into<String>) -> Self {
        Self::new(Kind::UnknownProtocol {
            name: name.into(),
            known: known.into(),
        })
    }

    pub(crate) fn ring(source: consistenthash::Error) -> Self {
        Self::new(Kind::Ring).with_source(source)
    }

    /// All connections to the peer that there may be were in use for so long.
    pub(crate) fn no_free_connection(url: impl Into<String>, waited: Duration) -> Self {
        Self::new(Kind::NoFreeConnection {
            url: url.into(),
            waited,
        })
    }

    /// All connections to the peer that there may be are in use, and a getter does not wait for one.
    pub(crate) fn busy(url: impl Into<String>) -> Self {
        Self::new(Kind::Busy { url: url.into() })
    }

    pub(crate) fn circuit_open(url: impl Into<String>, retry_in: Duration) -> Self {
        Self::new(Kind::CircuitOpen {
            url: url.into(),
            retry_in,
        })
    }

    /// A setting that cannot work, and why.
    pub fn invalid_option(option: &'static str, reason: impl Into<String>) -> Self {
        Self::new(Kind::InvalidOption {
            option,
            reason: reason.into(),
        })
    }

    /// A listening address that could not be bound.
    pub fn bind(address: impl Into<String>, source: impl Into<BoxError>) -> Self {
        Self::new(Kind::Bind {
            address: address.into(),
        })
        .with_source(source)
    }

    /// The answer "there is no value under this key".
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(Kind::NotFound {
            message: message.into(),
        })
    }

    /// The answer "the getter failed", with the getter's own message.
    pub fn getter(message: impl Into<String>) -> Self {
        Self::new(Kind::Getter {
            message: message.into(),
        })
    }

    /// The answer "too busy"; `what` names the limit that was reached.
    pub fn overloaded(what: impl Into<String>) -> Self {
        Self::new(Kind::Overloaded { what: what.into() })
    }

    /// Something of `size` bytes where at most `limit` are accepted.
    pub fn too_large(what: &'static str, size: u64, limit: u64) -> Self {
        Self::too_large_for_peer(format!(
            "{what} of {size} bytes is larger than the limit of {limit} bytes"
        ))
    }

    /// Something too large, in the words of whoever refused it.
    pub fn too_large_for_peer(message: impl Into<String>) -> Self {
        Self::new(Kind::TooLarge {
            message: message.into(),
        })
    }

    /// The peer does not have the group.
    pub fn no_such_group(group: impl Into<String>) -> Self {
        Self::new(Kind::NoSuchGroup {
            group: group.into(),
        })
    }

    /// The protocol cannot say this.
    pub fn unsupported(operation: &'static str, protocol: &'static str) -> Self {
        Self::unsupported_by_peer(format!("the {protocol} protocol has no way to {operation}"))
    }

    /// An operation that the peer cannot do, in its own words.
    pub fn unsupported_by_peer(message: impl Into<String>) -> Self {
        Self::new(Kind::Unsupported {
            message: message.into(),
        })
    }

    /// The answer "a time limit of mine passed", in the peer's own words.
    pub fn peer_timed_out(message: impl Into<String>) -> Self {
        Self::new(Kind::PeerTimedOut {
            message: message.into(),
        })
    }

    /// The peer's value was past its time when it came, and the protocol has no use for such.
    pub fn expired() -> Self {
        Self::new(Kind::Expired)
    }

    /// No connection to the peer could be made.
    pub fn unreachable(url: impl Into<String>, source: impl Into<BoxError>) -> Self {
        Self::new(Kind::Unreachable { url: url.into() }).with_source(source)
    }

    /// The connection broke before the answer was complete.
    pub fn disconnected(url: impl Into<String>, source: impl Into<BoxError>) -> Self {
        Self::new(Kind::Disconnected { url: url.into() }).with_source(source)
    }

    /// A time limit passed; `what` names it.
    pub fn timed_out(what: &'static str, limit: Duration) -> Self {
        Self::new(Kind::TimedOut { what, limit })
    }

    /// This node lacks a resource that a connection needs, such as a file descriptor.
    pub(crate) fn out_of_resources(url: impl Into<String>, source: impl Into<BoxError>) -> Self {
        Self::new(Kind::OutOfResources { url: url.into() }).with_source(source)
    }

    /// The peer's bytes are not what the protocol says.
    pub fn malformed(what: impl Into<String>) -> Self {
        Self::new(Kind::Malformed { what: what.into() })
    }

    /// An HTTP status that carries no answer, with the start of its body.
    pub fn status(status: u16, text: impl Into<String>) -> Self {
        Self::new(Kind::Status {
            status,
            text: text.into(),
        })
    }

    /// A gRPC status that carries no answer, with its message.
    #[cfg(feature = "grpc")]
    pub(crate) fn grpc_status(code: i32, text: impl Into<String>) -> Self {
        Self::new(Kind::GrpcStatus {
            code,
            text: text.into(),
        })
    }

    /// Whether this is an answer of the peer: final, and not a reason to ask somebody else. That
    /// this node has too much to ask it ([`is_overloaded`](Self::is_overloaded)) counts as one:
    /// more work for others would not help.
    pub fn is_answer(&self) -> bool {
        matches!(
            self.0.kind,
            Kind::NotFound { .. }
                | Kind::Getter { .. }
                | Kind::Overloaded { .. }
                | Kind::NoFreeConnection { .. }
                | Kind::TooLarge { .. }
                | Kind::PeerTimedOut { .. }
        )
    }

    /// Whether the peer itself is in trouble: it could not be reached, did not answer in time, broke
    /// the connection or the protocol. This is what a [`Circuit`](crate::Circuit) counts.
    pub fn is_transport(&self) -> bool {
        matches!(
            self.0.kind,
            Kind::Unreachable { .. }
                | Kind::Disconnected { .. }
                | Kind::TimedOut { .. }
                | Kind::Malformed { .. }
        )
    }

    /// Whether the error arose on this side, without any part of the peer: a request that the protocol
    /// cannot carry or that is too large, or a lack of connections or of what they are made of.
    pub fn is_of_this_side(&self) -> bool {
        self.is_unsupported()
            || self.is_configuration()
            || self.is_too_large()
            || matches!(
                self.0.kind,
                Kind::NoFreeConnection { .. } | Kind::Busy { .. } | Kind::OutOfResources { .. }
            )
    }

    /// Whether there is no value under the key.
    pub fn is_not_found(&self) -> bool {
        matches!(self.0.kind, Kind::NotFound { .. })
    }

    /// Whether the getter failed.
    pub fn is_getter(&self) -> bool {
        matches!(self.0.kind, Kind::Getter { .. })
    }

    /// Whether a limit on concurrent work was reached: the peer's, or this node's on connections to
    /// it.
    pub fn is_overloaded(&self) -> bool {
        matches!(
            self.0.kind,
            Kind::Overloaded { .. } | Kind::NoFreeConnection { .. }
        )
    }

    /// Whether a key, a value or a body is beyond its limit.
    pub fn is_too_large(&self) -> bool {
        matches!(self.0.kind, Kind::TooLarge { .. })
    }

    /// Whether the peer does not have the group.
    pub fn is_no_such_group(&self) -> bool {
        matches!(self.0.kind, Kind::NoSuchGroup { .. })
    }

    /// Whether the protocol cannot carry the operation.
    pub fn is_unsupported(&self) -> bool {
        matches!(self.0.kind, Kind::Unsupported { .. })
    }

    /// Whether a time limit passed: one of this node, or one of the peer that says so.
    pub fn is_timeout(&self) -> bool {
        matches!(
            self.0.kind,
            Kind::TimedOut { .. } | Kind::PeerTimedOut { .. }
        )
    }

    /// Whether the peer's value was past its time when it came.
    pub fn is_expired(&self) -> bool {
        matches!(self.0.kind, Kind::Expired)
    }

    /// The status of an answer that says no more than that.
    pub(crate) fn http_status(&self) -> Option<u16> {
        match self.0.kind {
            Kind::Status { status, .. } => Some(status),
            _ => None,
        }
    }

    /// Whether the peer was not asked, because it failed a moment ago.
    pub fn is_circuit_open(&self) -> bool {
        matches!(self.0.kind, Kind::CircuitOpen { .. })
    }

    /// Whether the configuration is at fault: a member, a name, an option, an address.
    pub fn is_configuration(&self) -> bool {
        matches!(
            self.0.kind,
            Kind::InvalidMember { .. }
                | Kind::DuplicateMember { .. }
                | Kind::UnknownProtocol { .. }
                | Kind::InvalidOption { .. }
                | Kind::Ring
                | Kind::Bind { .. }
        )
    }

    /// The words of the getter, or of the peer that said "not found".
    pub fn answer_message(&self) -> Option<&str> {
        match &self.0.kind {
            Kind::NotFound { message } | Kind::Getter { message } => Some(message),
            _ => None,
        }
    }

    /// What a peer is told: the bare words where the kind of error is said apart from them.
    pub(crate) fn message_for_peer(&self) -> Cow<'_, str> {
        match &self.0.kind {
            Kind::NotFound { message } | Kind::Getter { message } => message.into(),
            Kind::Overloaded { what } => what.into(),
            Kind::Status { text, .. } => text.into(),
            _ => self.to_string().into(),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.kind {
            Kind::InvalidMember { member, reason } => {
                write!(f, "invalid member {member:?}: {reason}")
            }
            Kind::DuplicateMember { id } => {
                write!(f, "two members have the id {id:?} and different URLs")
            }
            Kind::UnknownProtocol { name, known } => {
                write!(f, "unknown protocol {name:?}; known are {known}")
            }
            Kind::InvalidOption { option, reason } => write!(f, "invalid {option}: {reason}"),
            Kind::Ring => f.write_str("the members do not make a ring"),
            Kind::Bind { address } => write!(f, "cannot listen on {address}"),
            Kind::NotFound { message } if message.is_empty() => f.write_str("not found"),
            Kind::NotFound { message } => write!(f, "not found: {message}"),
            Kind::Getter { message } => write!(f, "getter failed: {message}"),
            Kind::Overloaded { what } => write!(f, "overloaded: {what}"),
            Kind::NoFreeConnection { url, waited } => {
                write!(
                    f,
                    "overloaded: no connection to {url} was free within {waited:?}"
                )
            }
            Kind::Busy { url } => write!(f, "all connections to {url} are in use"),
            Kind::TooLarge { message } => f.write_str(message),
            Kind::NoSuchGroup { group } => write!(f, "no such group: {group}"),
            Kind::Unsupported { message } | Kind::PeerTimedOut { message } => f.write_str(message),
            Kind::Expired => f.write_str("the value had expired when it arrived"),
            Kind::Unreachable { url } => write!(f, "cannot connect to {url}"),
            Kind::OutOfResources { url } => {
                write!(f, "this node lacks the resources for a connection to {url}")
            }
            Kind::Disconnected { url } => write!(f, "{url} broke the connection off"),
            Kind::TimedOut { what, limit } => write!(f, "{what} took longer than {limit:?}"),
            Kind::CircuitOpen { url, retry_in } => {
                write!(
                    f,
                    "{url} failed a moment ago and is not asked for another {retry_in:?}"
                )
            }
            Kind::Malformed { what } => write!(f, "malformed: {what}"),
            Kind::Status { status, text } if text.is_empty() => write!(f, "HTTP status {status}"),
            Kind::Status { status, text } => write!(f, "HTTP status {status}: {text}"),
            #[cfg(feature = "grpc")]
            Kind::GrpcStatus { code, text } => write!(f, "gRPC status {code}: {text}"),
        }
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

/// What is a member already always becomes one.
impl From<Infallible> for Error {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_one_word_wide_and_crosses_threads() {
        fn portable<T: Send + Sync + 'static>() {}
        portable::<Error>();
        assert_eq!(size_of::<Error>(), size_of::<usize>());
    }

    #[test]
    fn the_text_names_the_thing_and_the_limit() {
        assert_eq!(
            Error::too_large("a value", 11, 10).to_string(),
            "a value of 11 bytes is larger than the limit of 10 bytes"
        );
        assert_eq!(
            Error::timed_out("connecting", Duration::from_secs(1)).to_string(),
            "connecting took longer than 1s"
        );
        assert_eq!(
            Error::unknown_protocol("gopher", "native, golang").to_string(),
            "unknown protocol \"gopher\"; known are native, golang"
        );
    }

    #[test]
    fn only_the_peers_own_words_are_answers() {
        assert!(Error::not_found("").is_answer());
        assert!(Error::getter("no luck").is_answer());
        assert!(Error::overloaded("loads").is_answer());
        assert!(!Error::no_such_group("g").is_answer());
        assert!(!Error::status(500, "").is_answer());
        assert!(!Error::malformed("reply").is_answer());
    }
}
