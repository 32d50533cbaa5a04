use consistenthash::Ring;

use super::peer::Peer;

/// An immutable snapshot of the ring of peers.
///
/// Without members, or with this node as the only one, every key is this node's own.
#[derive(Clone, Debug, Default)]
pub struct Routes {
    ring: Option<Ring<Peer>>,
}

impl Routes {
    pub(crate) fn new(ring: Option<Ring<Peer>>) -> Self {
        Self { ring }
    }

    /// The owner of `key`; `None` if there are no members.
    pub fn owner(&self, key: &[u8]) -> Option<&Peer> {
        self.ring.as_ref().map(|ring| ring.owner(key))
    }

    /// The distinct members in the order in which they are asked for `key`: its owner first.
    pub fn owners<'a>(&'a self, key: &[u8]) -> impl Iterator<Item = &'a Peer> + use<'a> {
        self.ring
            .as_ref()
            .map(|ring| ring.owners(key))
            .into_iter()
            .flatten()
    }

    /// All members, in listing order.
    pub fn peers(&self) -> &[Peer] {
        self.ring.as_ref().map_or(&[], Ring::members)
    }

    /// The ring; `None` if there are no members.
    pub fn ring(&self) -> Option<&Ring<Peer>> {
        self.ring.as_ref()
    }
}
