use std::fmt;
use std::time::Duration;

/// The kinds of errors, and their texts.
#[derive(Clone, Debug)]
pub(super) enum Kind {
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
    Discovery {
        source: String,
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
    Behind {
        url: String,
    },
    Denied {
        url: String,
        what: String,
        why: String,
        in_handshake: bool,
    },
    Malformed {
        what: String,
    },
    Expired,
    Misdirected {
        message: String,
    },
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

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
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
            Kind::Discovery { source } => write!(f, "cannot learn the members from {source}"),
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
            Kind::Behind { url } => {
                write!(
                    f,
                    "the peer at {url} is not asked: it has yet to hear of changes"
                )
            }
            Kind::CircuitOpen { url, retry_in } => {
                write!(
                    f,
                    "{url} failed a moment ago and is not asked for another {retry_in:?}"
                )
            }
            Kind::Denied { url, what, why, .. } if why.is_empty() => {
                write!(f, "{url} refuses {what} of this node")
            }
            Kind::Denied { url, what, why, .. } => {
                write!(f, "{url} refuses {what} of this node: {why}")
            }
            Kind::Malformed { what } => write!(f, "malformed: {what}"),
            Kind::Misdirected { message } => write!(f, "misdirected: {message}"),
            Kind::Status { status, text } if text.is_empty() => write!(f, "HTTP status {status}"),
            Kind::Status { status, text } => write!(f, "HTTP status {status}: {text}"),
            #[cfg(feature = "grpc")]
            Kind::GrpcStatus { code, text } => write!(f, "gRPC status {code}: {text}"),
        }
    }
}
