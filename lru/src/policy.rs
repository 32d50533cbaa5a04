/// Which entries a [`Cache`](crate::Cache) gives up when room is needed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Policy {
    /// A FIFO window, a CLOCK, and ghosts that count: keeps more than strict LRU on almost any load,
    /// is not upset by scans and loops, and lets hits run side by side, because a hit moves nothing. An
    /// overwrite counts as a hit and moves nothing either. The default.
    #[default]
    GhostClock,
    /// Strict least recently used, within each shard. A hit takes the shard's lock for itself.
    Lru,
}
