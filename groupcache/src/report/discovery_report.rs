use std::time::Duration;

use peers::DiscoveryStatus;

/// How a node stands with its source of members.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct DiscoveryReport {
    /// The kind of the source, such as `dns`.
    pub source: &'static str,
    /// Whether the source has taken this node's announcement. Sources that somebody else fills take it and forget it.
    pub joined: bool,
    /// The time since the last list that could be used. It grows while nothing changes. `None`: there has been none.
    #[cfg_attr(
        feature = "serde",
        serde(serialize_with = "super::serialized::optional_seconds")
    )]
    pub age: Option<Duration>,
    /// Whether the latest answer was an error, or a list that could not be used.
    pub failing: bool,
    /// The latest such answer, also after the source has come back.
    pub last_error: Option<String>,
    /// How many members of the latest list were left out, because this node cannot dial them: an `https` URL where it
    /// has no TLS, or the reverse.
    pub left_out: usize,
    /// The last of those, with the reason. `None` if there is none.
    pub last_left_out: Option<String>,
}

impl From<DiscoveryStatus> for DiscoveryReport {
    fn from(status: DiscoveryStatus) -> Self {
        Self {
            source: status.source,
            joined: status.joined,
            age: status.age,
            failing: status.failing,
            last_error: status.last_error,
            left_out: status.left_out,
            last_left_out: status.last_left_out,
        }
    }
}
