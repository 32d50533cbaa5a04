use std::time::Duration;

use crate::Member;

/// How a node stands with its source of members.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct DiscoveryStatus {
    /// The [kind](crate::Discovery::kind) of the source.
    pub source: &'static str,
    /// The members of the ring.
    pub members: Vec<Member>,
    /// Whether the source has taken this node's announcement. Sources that somebody else fills take it and forget it.
    pub joined: bool,
    /// The time since the last list that could be used. It grows while nothing changes. `None`: there has been none.
    pub age: Option<Duration>,
    /// Whether the latest answer was an error, or a list that could not be used. The members are those of before.
    pub failing: bool,
    /// The latest such answer, also after the source has come back.
    pub last_error: Option<String>,
    /// How many members of the latest list were left out, because this node cannot dial them: an `https` URL where it
    /// has no TLS, or the reverse.
    pub left_out: usize,
    /// The last of those, with the reason. `None` if there is none.
    pub last_left_out: Option<String>,
}
