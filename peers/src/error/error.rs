use std::borrow::Cow;
use std::convert::Infallible;
use std::error::Error as StdError;
use std::fmt;

use super::kind::Kind;

pub(super) type BoxError = Box<dyn StdError + Send + Sync>;

/// Why a member was refused, a peer gave no value, or a server did not start.
///
/// There are three families. *Configuration* errors name the offending text; the call that returns one
/// has changed nothing. *Answers* ([`is_answer`](Self::is_answer)) come from a peer and are final for
/// the caller. All others mean that the peer gave no answer, and the caller may ask another node.
#[derive(Debug)]
pub struct Error(Box<Inner>);

#[derive(Debug)]
struct Inner {
    kind: Kind,
    source: Option<BoxError>,
}

impl Error {
    pub(super) fn new(kind: Kind) -> Self {
        Self(Box::new(Inner { kind, source: None }))
    }

    pub(super) fn with_source(mut self, source: impl Into<BoxError>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// The same error once more, for another caller. Its source is a text.
    pub(crate) fn copy(&self) -> Self {
        let copy = Self::new(self.0.kind.clone());
        match &self.0.source {
            Some(source) => copy.with_source(source.to_string()),
            None => copy,
        }
    }

    /// An error that a peer has told, in answer to `what`. A status by which it refuses this node names it then.
    pub(crate) fn said_by(self, url: &str, what: &str) -> Self {
        match self.0.kind {
            Kind::Status {
                status: 401 | 403,
                text,
            } => Self::denied(url, what, text),
            _ => self,
        }
    }

    /// Whether the peer's bytes are not what the protocol says.
    pub(crate) fn is_malformed(&self) -> bool {
        matches!(self.0.kind, Kind::Malformed { .. })
    }

    /// Whether this is an answer of the peer: final, and not a reason to ask another node. Overload
    /// ([`is_overloaded`](Self::is_overloaded)) counts as an answer, also that of this node's own
    /// connections: more work for other nodes would not help.
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
    /// the connection or the protocol, makes no connection with this node, or is
    /// [not the one](Self::is_misdirected) that is meant. This is what a [`Circuit`](crate::Circuit) counts.
    pub fn is_transport(&self) -> bool {
        matches!(
            self.0.kind,
            Kind::Unreachable { .. }
                | Kind::Disconnected { .. }
                | Kind::TimedOut { .. }
                | Kind::Malformed { .. }
                | Kind::Misdirected { .. }
                | Kind::Denied {
                    in_handshake: true,
                    ..
                }
        )
    }

    /// Whether another member, or another cluster, has answered from the address of the one that was meant.
    pub fn is_misdirected(&self) -> bool {
        matches!(self.0.kind, Kind::Misdirected { .. })
    }

    /// Whether the error arose on this side, before the peer was asked: the protocol cannot carry the
    /// request, the request is too large, or this process lacks connections or file descriptors.
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

    /// Whether a limit on concurrent work was reached: the peer's, or this node's limit of connections
    /// to the peer.
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

    /// Whether the peer refuses this node: for want of credentials, or because it does not accept those that this
    /// node has. The text names the peer and what was refused. The peer has done nothing.
    pub fn is_denied(&self) -> bool {
        matches!(self.0.kind, Kind::Denied { .. })
    }

    /// Whether the peer's value had expired when it came.
    pub fn is_expired(&self) -> bool {
        matches!(self.0.kind, Kind::Expired)
    }

    /// The status of an answer that carries a status alone.
    pub(crate) fn http_status(&self) -> Option<u16> {
        match self.0.kind {
            Kind::Status { status, .. } => Some(status),
            _ => None,
        }
    }

    /// Whether the peer was not asked because its circuit is open.
    pub fn is_circuit_open(&self) -> bool {
        matches!(self.0.kind, Kind::CircuitOpen { .. })
    }

    /// Whether the peer was not asked because its values may be older than changes that this node has made.
    pub fn is_behind(&self) -> bool {
        matches!(self.0.kind, Kind::Behind { .. })
    }

    /// Whether a [`Discovery`](crate::Discovery) could not tell the members, or not announce this node.
    pub fn is_discovery(&self) -> bool {
        matches!(self.0.kind, Kind::Discovery { .. })
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

    /// The message for a peer, without the kind of error where the protocol states it apart.
    pub(crate) fn message_for_peer(&self) -> Cow<'_, str> {
        match &self.0.kind {
            Kind::NotFound { message } | Kind::Getter { message } => message.into(),
            Kind::Overloaded { what } => what.into(),
            Kind::Misdirected { message } => message.into(),
            Kind::Status { text, .. } => text.into(),
            _ => self.to_string().into(),
        }
    }

    /// The same, cut to at most so many bytes, between two characters.
    pub(crate) fn message_for_peer_within(&self, bytes: usize) -> String {
        let mut text = self.message_for_peer().into_owned();
        let mut end = bytes.min(text.len());
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
        text
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.kind.fmt(f)
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
    use std::time::Duration;

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
