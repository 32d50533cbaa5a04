use std::collections::HashSet;
use std::sync::Arc;

use groupcache::peers::consistenthash::{Labels, Ties};
use groupcache::{HashFn, Protocol, Scheme};
use serde::Serialize;

use super::report::{Place, RingPart};

/// A ring as a node reports it.
#[derive(Debug, Default, PartialEq, Eq, Hash, Serialize)]
pub(super) struct RingView {
    /// 16 hexadecimal digits; nodes with the same agree on every owner.
    pub(super) fingerprint: String,
    pub(super) hash: String,
    pub(super) labels: String,
    pub(super) ties: String,
    pub(super) replicas: u32,
    /// In the order of their ids, so that nodes with other orders have equal rings.
    pub(super) members: Vec<Place>,
}

impl RingView {
    pub(super) fn new(part: RingPart) -> Self {
        let mut members = part.members();
        members.sort();
        members.dedup();
        Self {
            fingerprint: part.fingerprint,
            hash: part.hash,
            labels: part.labels,
            ties: part.ties,
            replicas: part.replicas,
            members,
        }
    }

    /// The rules of the ring in a word, such as `xxh3 × 2048`.
    pub(super) fn rules(&self) -> String {
        format!("{} × {}", self.hash, self.replicas)
    }

    /// The scheme with these rules, if this build knows them all.
    pub(super) fn scheme(&self, protocol: Protocol) -> Option<Scheme> {
        const HASHES: [HashFn; 5] = [
            HashFn::Xxh3,
            HashFn::Crc32,
            HashFn::Fnv1,
            HashFn::Fnv1a,
            HashFn::Fnv1a32,
        ];
        const LABELS: [Labels; 3] = [
            Labels::NameThenNumber,
            Labels::NumberThenName,
            Labels::Md5HexOfNumberThenName,
        ];
        let hash = HASHES.into_iter().find(|hash| hash.name() == self.hash)?;
        let labels = LABELS
            .into_iter()
            .find(|labels| labels.name() == self.labels)?;
        let ties = [Ties::LastListed, Ties::GreatestName];
        let ties = ties.into_iter().find(|ties| ties.name() == self.ties)?;
        let scheme = protocol.scheme().hash(hash).labels(labels).ties(ties);
        Some(scheme.replicas(self.replicas))
    }
}

/// Rings, each kept once however many nodes report it.
#[derive(Debug, Default)]
pub(super) struct Rings(HashSet<Arc<RingView>>);

impl Rings {
    /// The ring, or the equal one that was there before.
    pub(super) fn keep(&mut self, ring: RingView) -> Arc<RingView> {
        if let Some(known) = self.0.get(&ring) {
            return Arc::clone(known);
        }
        let ring = Arc::new(ring);
        self.0.insert(Arc::clone(&ring));
        ring
    }
}
