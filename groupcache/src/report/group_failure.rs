use std::sync::Arc;
use std::time::SystemTime;

use peers::Member;

use crate::{ErrorKind, Key};

/// Something in a group that failed.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct GroupFailure {
    /// When it failed, by this node's wall clock.
    #[cfg_attr(
        feature = "serde",
        serde(rename = "at_ms", serialize_with = "super::serialized::unix_ms")
    )]
    pub at: SystemTime,
    /// What failed.
    pub step: FailedStep,
    /// The kind of the error.
    #[cfg_attr(
        feature = "serde",
        serde(serialize_with = "super::serialized::error_kind")
    )]
    pub kind: ErrorKind,
    /// The error's text, of up to 256 bytes. Where keys are [hidden](crate::NodeBuilder::hide_keys) it is the kind's,
    /// because a getter's message may name the key.
    #[cfg_attr(feature = "serde", serde(serialize_with = "super::serialized::text"))]
    pub text: Arc<str>,
    /// The key, or the hash in its place where keys are hidden. `None` if it was about no single key.
    #[cfg_attr(
        feature = "serde",
        serde(serialize_with = "super::serialized::optional_key")
    )]
    pub key: Option<Key>,
    /// The other node, if there was one.
    pub peer: Option<Member>,
}

/// What may fail in a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum FailedStep {
    /// A peer was asked for a value and gave no answer, or its getter failed.
    Fetch,
    /// This node's getter was called.
    Load,
    /// A removal, set or clear was sent to a peer.
    Change,
}

impl FailedStep {
    /// The name: `fetch`, `load` or `change`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Fetch => "fetch",
            Self::Load => "load",
            Self::Change => "change",
        }
    }
}
