use std::time::Duration;

use super::error::{BoxError, Error};
use super::kind::Kind;

impl Error {
    pub(crate) fn invalid_member(member: impl Into<String>, reason: &'static str) -> Self {
        Self::new(Kind::InvalidMember {
            member: member.into(),
            reason,
        })
    }

    pub(crate) fn duplicate_member(id: impl Into<String>) -> Self {
        Self::new(Kind::DuplicateMember { id: id.into() })
    }

    /// `known` lists the valid names.
    pub(crate) fn unknown_protocol(name: impl Into<String>, known: impl Into<String>) -> Self {
        Self::new(Kind::UnknownProtocol {
            name: name.into(),
            known: known.into(),
        })
    }

    pub(crate) fn ring(source: consistenthash::Error) -> Self {
        Self::new(Kind::Ring).with_source(source)
    }

    /// All connections to the peer were in use for the time that a call may wait.
    pub(crate) fn no_free_connection(url: impl Into<String>, waited: Duration) -> Self {
        Self::new(Kind::NoFreeConnection {
            url: url.into(),
            waited,
        })
    }

    /// All connections to the peer are in use, and a getter does not wait for one.
    pub(crate) fn busy(url: impl Into<String>) -> Self {
        Self::new(Kind::Busy { url: url.into() })
    }

    /// The peer has yet to hear of changes that this node remembers no more.
    pub fn behind(url: impl Into<String>) -> Self {
        Self::new(Kind::Behind { url: url.into() })
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

    /// A [`Discovery`](crate::Discovery) that cannot tell the members, and why. `source` names it, without passwords.
    pub fn discovery(source: impl Into<String>, reason: impl Into<BoxError>) -> Self {
        Self::new(Kind::Discovery {
            source: source.into(),
        })
        .with_source(reason)
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

    /// `count` things where at most `limit` are accepted.
    pub(crate) fn too_many(what: &'static str, count: u64, limit: u64) -> Self {
        Self::too_large_for_peer(format!(
            "{count} {what}, where at most {limit} are accepted"
        ))
    }

    /// Something too large, in the words of the peer that refused it.
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

    /// The protocol has no message for the operation.
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

    /// The peer's value had expired when it came.
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

    /// A peer that refuses this node: `what` it was asked for, and `why` it refuses in its own words.
    pub fn denied(url: impl Into<String>, what: impl Into<String>, why: impl Into<String>) -> Self {
        Self::new(Kind::Denied {
            url: url.into(),
            what: what.into(),
            why: why.into(),
            in_handshake: false,
        })
    }

    /// A peer that refuses a connection with this node.
    pub(crate) fn denied_in_handshake(url: impl Into<String>, why: impl Into<String>) -> Self {
        Self::new(Kind::Denied {
            url: url.into(),
            what: "a connection".into(),
            why: why.into(),
            in_handshake: true,
        })
    }

    /// The peer's bytes are not what the protocol says.
    pub fn malformed(what: impl Into<String>) -> Self {
        Self::new(Kind::Malformed { what: what.into() })
    }

    /// The answer "I am not the one that you mean", which names both.
    pub fn misdirected(message: impl Into<String>) -> Self {
        Self::new(Kind::Misdirected {
            message: message.into(),
        })
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
}
