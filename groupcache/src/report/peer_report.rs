use std::time::Duration;

use peers::{ClockSkew, Connections, Distribution, Failure, Health, Member, PeerStatus};

/// How a node stands with a member of a ring.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct PeerReport {
    /// The member.
    pub member: Member,
    /// Whether the member is asked, and how it answers; [`Health::ThisNode`] for this node itself.
    pub health: Health,
    /// The part of the key space that the member owns, from 0 to 1.
    pub share: f64,
    /// Exchanges without an answer since the last answer.
    pub failures_in_a_row: u32,
    /// The time until the member is checked again, while it is [left alone](Health::LeftAlone); in seconds where it
    /// serializes.
    #[cfg_attr(
        feature = "serde",
        serde(serialize_with = "super::serialized::optional_seconds")
    )]
    pub next_check: Option<Duration>,
    /// The exchanges that wait for the member's answer.
    pub in_flight: usize,
    /// The times of answered gets, in nanoseconds: from the question, with the wait for a connection, to the answer,
    /// with the member's loads. A get of several keys counts once.
    pub fetches: Distribution,
    /// The last exchanges without an answer, the latest first; up to 16.
    pub failures: Vec<Failure>,
    /// The connections to the member; `None` for this node itself, and if the transport does not know.
    pub connections: Option<Connections>,
    /// How far the member's clock is from this node's, where the protocol carries moments: native does not. Such values
    /// expire at other times than their owners say.
    pub clock: Option<ClockSkew>,
    /// Whether it is known that the member lacks changes, which it is told as soon as it can be reached.
    pub is_behind: bool,
}

impl PeerReport {
    pub(crate) fn new(member: Member, status: PeerStatus, share: f64, is_behind: bool) -> Self {
        Self {
            member,
            health: status.health,
            share,
            failures_in_a_row: status.failures_in_a_row,
            next_check: status.next_check,
            in_flight: status.in_flight,
            fetches: status.fetches,
            failures: status.failures,
            connections: status.connections,
            clock: status.clock,
            is_behind,
        }
    }

    /// Whether it is this node itself.
    pub fn is_this_node(&self) -> bool {
        self.health == Health::ThisNode
    }
}
