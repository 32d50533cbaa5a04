use std::fmt;

use byteview::ByteView;

use crate::Key;
use crate::rates::Rate;
use crate::store::Storage;

/// A value that has just come from its owner, with what this node knows about the demand for it.
#[derive(Clone, Copy)]
pub struct Candidate<'a> {
    pub(crate) key: &'a Key,
    pub(crate) value: &'a ByteView,
    pub(crate) owner_minute_qps: Option<f64>,
    pub(crate) local: Rate,
    pub(crate) members: usize,
    pub(crate) store: &'a Storage,
}

impl<'a> Candidate<'a> {
    /// The key.
    pub fn key(&self) -> &'a Key {
        self.key
    }

    /// The bytes of the value.
    pub fn value(&self) -> &'a ByteView {
        self.value
    }

    /// The key's requests per minute that its owner counted over all nodes, if the reply has this rate.
    /// The owner does not see requests that other nodes answer from their mirrors.
    ///
    /// Finite and not negative, whatever the peer sent.
    pub fn owner_minute_qps(&self) -> Option<f64> {
        self.owner_minute_qps
            .filter(|rate| rate.is_finite() && *rate >= 0.0)
    }

    /// The key's requests per minute on this node: fetches, this one included, and the hits of an
    /// earlier mirror, of which one in sixteen is counted for all. At least 1.
    ///
    /// Older requests count less: one of a minute ago counts 1/e, about 0.37.
    pub fn local_minute_qps(&self) -> f64 {
        self.local.per_minute
    }

    /// Whether the key is [remembered](crate::GroupBuilder::candidates) from an earlier request.
    pub fn seen_before(&self) -> bool {
        self.local.seen_before
    }

    /// The number of nodes among which keys are shared out; at least 1.
    pub fn members(&self) -> usize {
        self.members.max(1)
    }

    /// Whether this value can be mirrored without displacing another mirror: the budget is not used up,
    /// or mirrors take less than three quarters of their [part](crate::GroupBuilder::hot_ratio) of it.
    ///
    /// This locks each shard of the cache for a moment, so call it only when the answer matters.
    pub fn has_room(&self) -> bool {
        self.store.has_room_for_mirror(self.key, self.value)
    }
}

impl fmt::Debug for Candidate<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Candidate")
            .field("key", &self.key)
            .field("bytes", &self.value.len())
            .field("owner_minute_qps", &self.owner_minute_qps)
            .field("local_minute_qps", &self.local_minute_qps())
            .field("seen_before", &self.seen_before())
            .field("members", &self.members())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {

    use super::*;

    #[test]
    fn a_rate_that_makes_no_sense_is_none() {
        let store = Storage::empty();
        let candidate = |owner_minute_qps| {
            Candidate {
                key: &Key::from("k"),
                value: &ByteView::default(),
                owner_minute_qps,
                local: Rate::FIRST,
                members: 0,
                store: &store,
            }
            .owner_minute_qps()
        };
        assert_eq!(candidate(Some(0.5)), Some(0.5));
        for nonsense in [f64::NAN, f64::INFINITY, -1.0] {
            assert_eq!(candidate(Some(nonsense)), None);
        }
    }
}
