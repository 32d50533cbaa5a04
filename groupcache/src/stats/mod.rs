//! What a group counts, and how it counts without slowing hits down.

mod counters;
mod stripe;

pub(crate) use counters::{Counters, Event};

/// What a group has done since it was made, and what it holds now.
///
/// Every get that was called and polled is exactly one of [`main_hits`](Self::main_hits),
/// [`hot_hits`](Self::hot_hits), [`stale_hits`](Self::stale_hits), [`fetched`](Self::fetched),
/// [`loaded`](Self::loaded), [`not_found`](Self::not_found) and [`failed`](Self::failed); several
/// gets that shared one flight count one each. The sums are exact when nothing is going on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Gets on this node: the sum of the seven outcomes.
    pub gets: u64,
    /// Gets answered from the values this node owns.
    pub main_hits: u64,
    /// Gets answered from mirrors of values that others own.
    pub hot_hits: u64,
    /// Gets answered with a value past its freshness, which was then refreshed in the background.
    pub stale_hits: u64,
    /// Gets answered by another node.
    pub fetched: u64,
    /// Gets answered by this node's getter.
    pub loaded: u64,
    /// Gets for which there is no value.
    pub not_found: u64,
    /// Gets that ended in another error, or that their caller gave up.
    pub failed: u64,
    /// Requests of peers that this node has answered.
    pub peer_gets: u64,
    /// Times a peer was asked and gave no answer, so that somebody else was.
    pub peer_errors: u64,
    /// Times the getter was called.
    pub getter_calls: u64,
    /// Live entries that had to give way.
    pub evictions: u64,
    /// Entries that were dropped because their time was over.
    pub expirations: u64,
    /// Values that were not kept because they are larger than the store takes.
    pub too_large: u64,
    /// Removals and sets that have not reached a peer yet: one for each key and peer.
    pub pending_hints: u64,
    /// Charged bytes of the entries, main and hot.
    pub bytes: u64,
    /// Charged bytes of the hot entries.
    pub hot_bytes: u64,
    /// Entries, main and hot.
    pub entries: u64,
}
