/// How many entries have left a group's store since it was made, by why they did. All are zero for a
/// [store of one's own](crate::GroupBuilder::store).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Evictions {
    /// Live entries that made room for others: [`Stats::evictions`](crate::Stats::evictions).
    pub made_room: u64,
    /// Entries whose time to live had ended: [`Stats::expirations`](crate::Stats::expirations).
    pub expired: u64,
    /// Entries that a newer value of the key replaced.
    pub replaced: u64,
    /// Entries that a removal took out, one by one: by callers, peers, and repairs of missed changes.
    pub removed: u64,
    /// Entries that went with all others, in a clear.
    pub cleared: u64,
    /// Values that were refused, and never became entries, because they are larger than the whole budget:
    /// [`Stats::too_large`](crate::Stats::too_large).
    pub too_large: u64,
}

impl Evictions {
    /// The counts with their names.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
        [
            ("made_room", self.made_room),
            ("expired", self.expired),
            ("replaced", self.replaced),
            ("removed", self.removed),
            ("cleared", self.cleared),
            ("too_large", self.too_large),
        ]
        .into_iter()
    }
}
