use std::time::Duration;

use crate::{ClockSkew, Connections, Distribution, Failure};

/// How a node stands with one peer, as a snapshot; from [`Peer::status`](crate::Peer::status).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PeerStatus {
    /// Whether the peer is asked, and how it answers.
    pub health: Health,
    /// Exchanges without an answer since the last answer.
    pub failures_in_a_row: u32,
    /// The time until the peer is checked again, while it is [left alone](Health::LeftAlone).
    pub next_check: Option<Duration>,
    /// The exchanges that wait for the peer's answer.
    pub in_flight: usize,
    /// The times of answered gets, in nanoseconds: from the question, with the wait for a connection, to the answer
    /// of the peer, with its loads. A get of several keys counts once.
    pub fetches: Distribution,
    /// The last exchanges without an answer, the latest first; up to 16.
    pub failures: Vec<Failure>,
    /// The connections to the peer; `None` for this node itself, and if the transport does not know.
    pub connections: Option<Connections>,
    /// How far the peer's clock is from this node's; `None` for this node itself, where the protocol carries no moments,
    /// and as long as no answer has told.
    pub clock: Option<ClockSkew>,
}

/// Whether a node asks a peer, and how the peer answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum Health {
    /// It is this node itself.
    ThisNode,
    /// It has not been asked for anything yet.
    NeverAsked,
    /// It answered when it was asked last.
    Well,
    /// It did not answer when it was asked last, and is still asked.
    Failing,
    /// It is not asked: its circuit is open.
    LeftAlone,
    /// It answers that it refuses this node, for want of credentials.
    RefusesThisNode,
}

impl Health {
    /// The name: `this-node`, `never-asked`, `well`, `failing`, `left-alone` or `refuses-this-node`.
    pub fn name(self) -> &'static str {
        match self {
            Self::ThisNode => "this-node",
            Self::NeverAsked => "never-asked",
            Self::Well => "well",
            Self::Failing => "failing",
            Self::LeftAlone => "left-alone",
            Self::RefusesThisNode => "refuses-this-node",
        }
    }

    /// Whether this node gets no values from the peer.
    pub fn is_down(self) -> bool {
        matches!(self, Self::LeftAlone | Self::RefusesThisNode)
    }
}
