use super::wire::{BEHIND, OFFER, SYNC, knowledge};
use crate::http::path::{self, Plus};

/// An operation that is about a node and not about a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NodeOperation {
    /// The nodes tell each other what they know of changes.
    Sync,
    /// The node hears which members have not been told of changes.
    Behind,
    /// The node is offered values that it may need soon.
    Offer,
}

impl NodeOperation {
    /// The longest body of such a request.
    pub(crate) const MAX_BODY_BYTES: usize = knowledge::MAX_BYTES;

    /// The operation of a POST to this target, the path after the base path.
    pub(crate) fn at(target: &str) -> Option<Self> {
        match &*path::unescape(target, Plus::Plus).ok()? {
            name if *name == *SYNC.as_bytes() => Some(Self::Sync),
            name if *name == *BEHIND.as_bytes() => Some(Self::Behind),
            name if *name == *OFFER.as_bytes() => Some(Self::Offer),
            _ => None,
        }
    }

    pub(super) fn target(self) -> &'static str {
        match self {
            Self::Sync => SYNC,
            Self::Behind => BEHIND,
            Self::Offer => OFFER,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_target_of_a_group_is_one_of_a_node() {
        assert_eq!(NodeOperation::at("_sync"), Some(NodeOperation::Sync));
        assert_eq!(NodeOperation::at("%5Fbehind"), Some(NodeOperation::Behind));
        assert_eq!(NodeOperation::at("_offer"), Some(NodeOperation::Offer));
        for target in ["", "_sync/", "/_sync", "_sync%2F", "g/_sync", "_sync+", "%"] {
            assert_eq!(NodeOperation::at(target), None, "{target}");
        }
    }
}
